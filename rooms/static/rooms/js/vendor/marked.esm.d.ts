/** What of marked is used here: a text taken apart into tokens. Ours, not marked's own: that says more than is used. */

export interface Token {
  type: string;
  /** As it was typed. */
  raw: string;
  text?: string;
  tokens?: Token[];
  href?: string;
  title?: string | null;
  autolink?: boolean;
  lang?: string;
  ordered?: boolean;
  start?: number | "";
  items?: Token[];
}

export class Tokenizer {
  emStrong(src: string, maskedSrc: string, prevChar?: string): Token | undefined;
  del(src: string, maskedSrc: string, prevChar?: string): Token | undefined;
}

export class Lexer {
  static lex(src: string, options: { gfm: boolean; tokenizer: Tokenizer }): Token[];
}
