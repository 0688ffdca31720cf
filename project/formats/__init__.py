"""How dates are written where Django leaves that open, by language: `FORMAT_MODULE_PATH`."""
