// How often something was lost, by its name: as text between JavaScript and Wasm, a name and a count a line.

/** @import { Loss } from "./wasm.js" */

/** @typedef {Map<Loss, number>} Losses */

/** @param {Losses} losses */
export const writeLosses = (losses) => Array.from(losses, ([loss, times]) => `${loss} ${times}`).join("\n");

/**
 * @param {string} text
 * @returns {Losses}
 */
export function readLosses(text) {
  /** @type {Losses} */
  const losses = new Map();
  for (const line of text.split("\n")) {
    const [loss = "", times] = line.split(" ");
    if (times !== undefined) losses.set(/** @type {Loss} */ (loss), Number(times));
  }
  return losses;
}
