// The id of a record in what somebody pastes: the id alone, a header line, or the sentence of a refusal.

/** Crockford's base 32, 26 digits; 128 bits begin with at most 7. */
const ID = /(?<![0-9A-Za-z])[0-7][0-9A-HJKMNP-TV-Z]{25}(?![0-9A-Za-z])/i;

export const recordId = (text: string): string | null => ID.exec(text)?.[0].toUpperCase() ?? null;
