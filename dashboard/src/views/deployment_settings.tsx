// The settings of the whole deployment.

import { useState } from "preact/hooks";
import { change } from "../api/client.ts";
import type { Changed } from "../api/types.ts";
import { Arrival } from "../parts/arrival.tsx";
import { Reason, useChange } from "../parts/change.tsx";
import { atRevision } from "../rulebook/calls.ts";
import { draft, keepDraft } from "../rulebook/draft_kept.ts";
import { settingsOf, type SettingsTexts, settingsTexts } from "../rulebook/settings_fields.ts";
import { isSame, type Rulebook } from "../rulebook/types.ts";
import { isOperator } from "../session.ts";

const FIELDS: { name: keyof SettingsTexts; label: string; isNumber: boolean; hint?: string }[] = [
  { name: "retry_after_s", label: "A throttled client waits, seconds", isNumber: true },
  { name: "retention_hours", label: "Records are kept, hours", isNumber: true },
  { name: "retention_bytes", label: "Bytes of each FireLog at most", isNumber: true },
  { name: "max_records_per_s", label: "Above so many records a second a FireLog keeps a sample of clients", isNumber: false, hint: "none" },
  { name: "clients", label: "An anomaly needs so many more clients", isNumber: true },
  { name: "networks", label: "in so many more networks", isNumber: true },
  { name: "keep_addresses", label: "Addresses of clients are kept", isNumber: false, hint: "none, network or full" },
  { name: "address_hours", label: "for so many hours after the last request", isNumber: true },
  { name: "archive", label: "Archive of older records", isNumber: false, hint: "s3://bucket/prefix" },
  { name: "fire_logs", label: "FireLogs of data centres", isNumber: false, hint: "so many, or from so few to so many, as the load asks: IAD=4, FRA=2-16, *=1-8" },
];

export function DeploymentSettings({ book, refresh }: { book: Rulebook; refresh: () => void }) {
  const [base, setBase] = useState(draft.value.settings?.base ?? book.settings);
  const [texts, setTexts] = useState(() => settingsTexts(draft.value.settings?.form ?? book.settings));
  const [reason, setReason] = useState("");
  const [revision, setRevision] = useState<number | null>(null);
  const [isConflict, setConflict] = useState(false);
  const { isAsking, problem, make } = useChange();
  const form = settingsOf(texts, base);
  const isChanged = !isSame(settingsTexts(base), texts);
  const start = () => {
    setBase(book.settings);
    setTexts(settingsTexts(book.settings));
    setConflict(false);
  };
  const save = (event: Event) => {
    event.preventDefault();
    make(async () => {
      const put = (ifMatch: number) => change<Changed>("PUT", "settings", form, { reason }, { ifMatch });
      const outcome = await atRevision(put, (book) => isSame(book.settings, base));
      setConflict(outcome.kind === "conflict");
      refresh();
      if (outcome.kind === "conflict") return;
      setRevision(outcome.answer.revision);
      setBase(form);
      setTexts(settingsTexts(form));
      setReason("");
      keepDraft({ ...draft.value, settings: null });
    });
  };
  return (
    <section aria-labelledby="deployment" class="stack">
      <h2 id="deployment">Deployment</h2>
      <form class="card stack" onSubmit={save}>
        <fieldset class="bare fields" disabled={!isOperator.value}>
          {FIELDS.map(({ name, label, isNumber, hint }) => (
            <label key={name}>
              {label}
              <input
                inputMode={isNumber ? "numeric" : "text"}
                required={isNumber}
                placeholder={hint ?? ""}
                autocomplete="off"
                value={texts[name]}
                onInput={(event) => {
                  const { value } = event.currentTarget;
                  setTexts((texts) => ({ ...texts, [name]: value }));
                }}
              />
            </label>
          ))}
        </fieldset>
        {isConflict && (
          <div class="notice notice-bad" role="alert">
            <p>Somebody has changed the settings meanwhile, so nothing was saved.</p>
            <button type="button" onClick={start}>
              Start from what is there now
            </button>
          </div>
        )}
        {revision !== null && !isChanged && <Arrival revision={revision} />}
        {isChanged && (
          <>
            <Reason value={reason} set={setReason} problem={problem} />
            <div class="actions">
              <button type="submit" class="primary" disabled={isAsking}>
                {isAsking ? "Saving…" : "Save"}
              </button>
              <button type="button" onClick={() => keepDraft({ ...draft.value, settings: { form, base } })}>
                Add to the draft
              </button>
              <button type="button" onClick={start}>
                Undo
              </button>
            </div>
          </>
        )}
      </form>
    </section>
  );
}
