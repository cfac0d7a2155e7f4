/**
 * The first bytes in hexadecimal digits.
 * @param {Uint8Array} bytes
 * @param {number} [most]
 */
export const hexOf = (bytes, most) => Array.from(bytes.subarray(0, most), (byte) => byte.toString(16).padStart(2, "0")).join("");
