// Whether an object can store. Where workerd cannot write what an object stored, the object breaks off, and whoever called it may be
// told no more than "internal error": of its database, or of the file in which workerd keeps the alarms. Asked by itself, the first says
// what SQLite says. The answer comes once all is written. `src/control_plane/storage_check.rs` asks.

const DATABASE = "https://storage-check/database";

const ALARM = "https://storage-check/alarm";

/** More than a full disk has room for in a page that is begun. */
const WRITTEN_BYTES = 65_536;

const KEY = "storage-check";

/**
 * Whether a call asks for that.
 * @param {Request} request
 */
export const isStorageCheck = ({ url }) => url === DATABASE || url === ALARM;

/**
 * @param {Request} request
 * @param {DurableObjectStorage} storage
 */
export async function checkStorage({ url }, storage) {
  await (url === DATABASE ? writeAndErase(storage) : setAlarmAnew(storage));
  return new Response(null, { status: 204 });
}

/** @param {DurableObjectStorage} storage */
async function writeAndErase(storage) {
  await storage.put(KEY, new Uint8Array(WRITTEN_BYTES));
  await storage.sync();
  await storage.delete(KEY);
  await storage.sync();
}

/**
 * A little earlier than it was: workerd writes down what is earlier at once. Whoever is rung too early sets it again.
 * @param {DurableObjectStorage} storage
 */
async function setAlarmAnew(storage) {
  const known = await storage.getAlarm();
  await storage.setAlarm((known ?? Date.now() + 3_600_000) - 1);
  await storage.sync();
  if (known === null) await storage.deleteAlarm();
}
