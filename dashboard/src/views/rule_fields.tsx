// What a rule has beside its expression.

import type { Action, Mode } from "../api/types.ts";
import type { RuleForm, Volume } from "../rulebook/types.ts";

const ACTIONS: Record<Action, string> = {
  tag: "only recorded",
  allow: "no later rule acts",
  detour: "to the route's alternate origin",
  throttle: "429 with Retry-After",
  block: "403",
};

const MODES: Record<Mode, string> = {
  off: "matches are not recorded",
  monitor: "matches are recorded",
  enforce: "matches act",
};

const KEYS = ["client", "network", "asn", "fingerprint", "route"];

const FIRST_VOLUME: Volume = { by: "client", requests: 600, seconds: 60 };

interface Props {
  form: RuleForm;
  change: (part: Partial<RuleForm>) => void;
}

export function RuleFields({ form, change }: Props) {
  return (
    <>
      <label>
        Description
        <textarea value={form.description} rows={3} maxLength={1000} onInput={(event) => change({ description: event.currentTarget.value })} />
      </label>
      <div class="fields">
        <label>
          Action
          <select value={form.action} onChange={(event) => change({ action: event.currentTarget.value as Action })}>
            <Options of={ACTIONS} />
          </select>
        </label>
        <label>
          Mode where none is set
          <select value={form.default_mode} onChange={(event) => change({ default_mode: event.currentTarget.value as Mode })}>
            <Options of={MODES} />
          </select>
        </label>
      </div>
      <label class="choice">
        <input type="checkbox" checked={form.volume !== null} onChange={(event) => change({ volume: event.currentTarget.checked ? FIRST_VOLUME : null })} /> Fires only above a volume
      </label>
      {form.volume && <VolumeFields volume={form.volume} change={(volume) => change({ volume })} />}
    </>
  );
}

const Options = ({ of }: { of: Record<string, string> }) => (
  <>
    {Object.entries(of).map(([name, does]) => (
      <option key={name} value={name}>
        {name}: {does}
      </option>
    ))}
  </>
);

function VolumeFields({ volume, change }: { volume: Volume; change: (volume: Volume) => void }) {
  const number = (label: string, name: "requests" | "seconds", most: number) => (
    <label>
      {label}
      <input type="number" required min={1} max={most} value={volume[name]} onInput={(event) => change({ ...volume, [name]: event.currentTarget.valueAsNumber || 1 })} />
    </label>
  );
  return (
    <div class="fields">
      {number("More matches than", "requests", 1_000_000_000)}
      {number("in seconds", "seconds", 3_600)}
      <label>
        of one
        <select value={volume.by} onChange={(event) => change({ ...volume, by: event.currentTarget.value as Volume["by"] })}>
          {KEYS.map((key) => (
            <option key={key}>{key}</option>
          ))}
        </select>
      </label>
    </div>
  );
}
