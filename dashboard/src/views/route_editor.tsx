// One route: written, removed, or added to the draft.

import { useState } from "preact/hooks";
import { to } from "../address.ts";
import { change } from "../api/client.ts";
import type { Changed } from "../api/types.ts";
import { Arrival } from "../parts/arrival.tsx";
import { Reason, useChange } from "../parts/change.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Link } from "../parts/link.tsx";
import { atRevision } from "../rulebook/calls.ts";
import { NO_EDIT, withRoute } from "../rulebook/draft.ts";
import { draft, keepDraft } from "../rulebook/draft_kept.ts";
import { routeOf, type RouteTexts, textsOf } from "../rulebook/route_fields.ts";
import { isSame, routeIn, type Rulebook } from "../rulebook/types.ts";
import { isOperator } from "../session.ts";

interface Props {
  /** None: it is new. */
  name: string | null;
  book: Rulebook;
  close: () => void;
  refresh: () => void;
}

export function RouteEditor({ name: known, book, close, refresh }: Props) {
  const [base] = useState(() => (known === null ? null : (draft.value.routes[known]?.base ?? routeIn(book, known))));
  const [texts, setTexts] = useState(() => textsOf((known === null ? null : (draft.value.routes[known]?.form ?? base)) ?? {}));
  const [name, setName] = useState(known ?? "");
  const [reason, setReason] = useState("");
  const [revision, setRevision] = useState<number | null>(null);
  const [isConflict, setConflict] = useState(false);
  const { isAsking, problem, make } = useChange();
  const form = routeOf(texts, base ?? {});
  const path = `routes/${encodeURIComponent(name)}`;

  const send = (act: (ifMatch: number) => Promise<Changed>) =>
    make(async () => {
      const outcome = await atRevision(act, (book) => isSame(routeIn(book, name), base));
      setConflict(outcome.kind === "conflict");
      if (outcome.kind === "conflict") return;
      setRevision(outcome.answer.revision);
      keepDraft(withRoute(draft.value, name, NO_EDIT));
      refresh();
    });
  const save = (event: Event) => {
    event.preventDefault();
    send((ifMatch) => change<Changed>("PUT", path, form, { reason }, { ifMatch }));
  };
  const remove = () => send((ifMatch) => change<Changed>("DELETE", path, undefined, { reason }, { ifMatch }));
  const toDraft = () => {
    keepDraft(withRoute(draft.value, name, { form, base }));
    close();
  };

  return (
    <Dialog title={known === null ? "New route" : `Route ${known}`} close={close}>
      {revision !== null ? (
        <Arrival revision={revision} />
      ) : (
        <form class="stack" onSubmit={save}>
          <fieldset class="bare stack" disabled={!isOperator.value}>
            {known === null && (
              <label>
                Name
                <input value={name} required autocomplete="off" spellcheck={false} maxLength={64} placeholder="hub" onInput={(event) => setName(event.currentTarget.value.trim())} />
              </label>
            )}
            <Fields texts={texts} isDefault={known === "default"} change={(part) => setTexts((texts) => ({ ...texts, ...part }))} />
          </fieldset>
          {isConflict && (
            <p class="notice notice-bad" role="alert">
              Somebody has changed this route meanwhile, so nothing was saved. Close this and open it again to see what is there now.
            </p>
          )}
          {isOperator.value && (
            <>
              <Reason value={reason} set={setReason} problem={problem} />
              <div class="actions">
                <button type="submit" class="primary" disabled={isAsking || isSame(form, base)}>
                  {isAsking ? "Saving…" : "Save"}
                </button>
                <button type="button" disabled={name === "" || isSame(form, base)} onClick={toDraft}>
                  Add to the draft
                </button>
                {known !== null && known !== "default" && (
                  <button type="button" class="danger-quiet" disabled={isAsking || reason === ""} onClick={remove}>
                    Remove, with the modes set on it
                  </button>
                )}
              </div>
              {draft.value.routes[name] && (
                <p>
                  A change of it is in the <Link to={to(["draft"])}>draft</Link>.
                </p>
              )}
            </>
          )}
        </form>
      )}
    </Dialog>
  );
}

interface FieldsProps {
  texts: RouteTexts;
  /** It has no host and takes every repository. */
  isDefault: boolean;
  change: (part: Partial<RouteTexts>) => void;
}

function Fields({ texts, isDefault, change }: FieldsProps) {
  const text = (name: keyof RouteTexts, label: string, hint: string) => (
    <label>
      {label}
      <input value={texts[name]} placeholder={hint} autocomplete="off" spellcheck={false} onInput={(event) => change({ [name]: event.currentTarget.value })} />
    </label>
  );
  const choice = (name: keyof RouteTexts, label: string, options: [string, string][]) => (
    <label>
      {label}
      <select value={texts[name]} onChange={(event) => change({ [name]: event.currentTarget.value })}>
        {options.map(([value, does]) => (
          <option key={value} value={value}>
            {does}
          </option>
        ))}
      </select>
    </label>
  );
  const least = (name: "clients" | "networks", label: string) => (
    <label>
      {label}
      <input type="number" min={1} max={10_000} value={texts[name]} onInput={(event) => change({ [name]: event.currentTarget.value })} />
    </label>
  );
  return (
    <>
      {!isDefault && (
        <div class="fields">
          {text("host", "Host, without port; empty: any", "registry.example.com")}
          {text("repository", "Repository: * within a segment, ** across", "library/**")}
        </div>
      )}
      <div class="fields">
        {text("origin", "Origin; empty: the deployment's", "https://origin.example.com")}
        {text("detour", "Alternate origin, for the action detour", "https://bucket.example.com")}
      </div>
      <label>
        Blob paths, one a line: oci, storage, digest, or templates such as /layers/&#123;hex&#125;; empty: the three names
        <textarea class="mono" rows={2} spellcheck={false} value={texts.blobs} onInput={(event) => change({ blobs: event.currentTarget.value })} />
      </label>
      <div class="fields">
        {choice("redirects", "Redirects of the origin", [
          ["pass", "pass: the client follows them"],
          ["follow", "follow: all bytes go through Blobwatch"],
        ])}
        {choice("cache", "Cloudflare's cache keeps blobs", [
          ["off", "off: never"],
          ["origin", "origin: as its answers and the zone say"],
          ["immutable", "immutable: those that anybody may read"],
        ])}
        {choice("disclose", "Who gets Blobwatch-Fired", [
          ["never", "never"],
          ["operators", "operators"],
          ["always", "always"],
        ])}
        <label>
          Clients observed to the end, %
          <input type="number" min={0} max={100} step="any" value={texts.observe} onInput={(event) => change({ observe: event.currentTarget.value })} />
        </label>
        <label>
          Clients whose records are kept, %; empty: all
          <input type="number" min={0.1} max={100} step="any" value={texts.keep} onInput={(event) => change({ keep: event.currentTarget.value })} />
        </label>
      </div>
      <div class="fields">
        {least("clients", "An anomaly needs so many more clients; empty: as in the settings")}
        {least("networks", "In so many more networks")}
      </div>
    </>
  );
}
