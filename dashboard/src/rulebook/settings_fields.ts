// What somebody types of the settings, and the settings of it.

export interface SettingsTexts {
  retry_after_s: string;
  retention_hours: string;
  retention_bytes: string;
  /** Empty: all. */
  max_records_per_s: string;
  clients: string;
  networks: string;
  /** `none`, `network` or `full`. */
  keep_addresses: string;
  address_hours: string;
  /** Empty: none. */
  archive: string;
  /** `IAD=4, FRA=2-16` */
  fire_logs: string;
}

type Settings = Record<string, unknown>;

/** So many FireLogs, or as many as the load asks for. */
type Bounds = number | { least: number; most: number };

const boundsText = (bounds: Bounds) => (typeof bounds === "number" ? String(bounds) : `${bounds.least}-${bounds.most}`);

function boundsOf(text: string): Bounds {
  const [least, most] = text.split("-").map(Number);
  return most === undefined ? Number(text) : { least: least ?? Number.NaN, most };
}

/** Absent in answers while they are the defaults: those of the worker, as `test/unit/worker.json` has them. */
export const DEFAULTS = { anomaly_breadth: { clients: 10, networks: 5 }, keep_addresses: "none", address_hours: 168 };
const DEFAULTED = ["anomaly_breadth", "keep_addresses", "address_hours", "archive", "max_records_per_s"];

export function settingsTexts(settings: Settings): SettingsTexts {
  const text = (name: string) => String(settings[name] ?? "");
  const breadth = { ...DEFAULTS.anomaly_breadth, ...(settings["anomaly_breadth"] as object | undefined) };
  const logs = Object.entries((settings["fire_logs"] ?? {}) as Record<string, Bounds>);
  return {
    retry_after_s: text("retry_after_s"),
    retention_hours: text("retention_hours"),
    retention_bytes: text("retention_bytes"),
    max_records_per_s: text("max_records_per_s"),
    clients: String(breadth.clients),
    networks: String(breadth.networks),
    keep_addresses: text("keep_addresses") || DEFAULTS.keep_addresses,
    address_hours: text("address_hours") || String(DEFAULTS.address_hours),
    archive: text("archive"),
    fire_logs: logs.map(([colo, bounds]) => `${colo}=${boundsText(bounds)}`).join(", "),
  };
}

/** What the page does not know of the settings stays as `base` has it. The worker refuses what is no number. */
export function settingsOf(texts: SettingsTexts, base: Settings): Settings {
  const breadth = { clients: Number(texts.clients), networks: Number(texts.networks) };
  const isDefault = breadth.clients === DEFAULTS.anomaly_breadth.clients && breadth.networks === DEFAULTS.anomaly_breadth.networks;
  const logs = texts.fire_logs.split(/[\s,;]+/).filter(Boolean).map((part) => part.split(/[=:]/));
  const others = Object.fromEntries(Object.entries(base).filter(([name]) => !DEFAULTED.includes(name)));
  return {
    ...others,
    fire_logs: Object.fromEntries(logs.map(([colo = "", count = ""]) => [colo.toUpperCase(), boundsOf(count)])),
    retry_after_s: Number(texts.retry_after_s),
    retention_hours: Number(texts.retention_hours),
    retention_bytes: Number(texts.retention_bytes),
    ...(!isDefault && { anomaly_breadth: breadth }),
    ...(texts.keep_addresses !== DEFAULTS.keep_addresses && { keep_addresses: texts.keep_addresses }),
    ...(Number(texts.address_hours) !== DEFAULTS.address_hours && { address_hours: Number(texts.address_hours) }),
    ...(texts.max_records_per_s.trim() && { max_records_per_s: Number(texts.max_records_per_s) }),
    ...(texts.archive.trim() && { archive: texts.archive.trim() }),
  };
}
