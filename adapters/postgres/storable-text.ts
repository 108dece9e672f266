/**
 * Text as a column of type `text` can hold it: without NUL, which programs print and models write. What people send
 * was refused at the API for it; columns of type `json` keep it as an escape.
 */
export const storableText = (text: string): string => text.replaceAll('\0', '\uFFFD')
