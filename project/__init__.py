"""This site's own choices: settings from the environment, URLs, WSGI, log and response headers."""
