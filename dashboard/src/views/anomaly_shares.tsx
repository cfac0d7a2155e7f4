// Links to the report of an anomaly, for somebody without an account. The address of a link is shown once, to whoever makes it.

import { useState } from "preact/hooks";
import { change, get } from "../api/client.ts";
import type { NewShare, Page, Share } from "../api/types.ts";
import { useLive } from "../live.ts";
import { useChange } from "../parts/change.tsx";
import { Refusal, Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { isOperator } from "../session.ts";

const EVERY_MS = 30_000;

/** How long a link works; the API's bound is 30 days. */
const SPANS = { "+1d": "1 day", "+7d": "7 days", "+30d": "30 days" };

const address = (id: string) => `anomalies/${encodeURIComponent(id)}/shares`;

export function AnomalyShares({ id }: { id: string }) {
  const live = useLive(`shares ${id}`, (signal) => get<Page<Share>>(address(id), {}, signal), EVERY_MS);
  return (
    <section class="card stack" aria-labelledby="shares">
      <h2 id="shares">Share</h2>
      <p class="faint">
        A link shows the report to somebody without an account, with a plot, and without addresses, client keys, hosts of origins, and names and
        comments of your team. Whoever has the link can read it.
      </p>
      {isOperator.value && <Make id={id} refresh={live.refresh} />}
      <Shown live={live} what="links">
        {(data) => (data.items.length > 0 ? <List id={id} shares={data.items} refresh={live.refresh} /> : <p class="faint">No link opens this anomaly.</p>)}
      </Shown>
    </section>
  );
}

function Make({ id, refresh }: { id: string; refresh: () => void }) {
  const [until, setUntil] = useState("+7d");
  const [reason, setReason] = useState("");
  const [made, setMade] = useState<{ link: string; expires: string } | null>(null);
  const [told, setTold] = useState("");
  const { isAsking, problem, make } = useChange();
  const submit = (event: Event) => {
    event.preventDefault();
    setTold("");
    make(async () => {
      const share = await change<NewShare>("POST", address(id), { until }, { reason: reason.trim() });
      setMade({ link: location.origin + share.path, expires: share.expires });
      setReason("");
      refresh();
    });
  };
  const copy = async (link: string) => {
    try {
      await navigator.clipboard.writeText(link);
      setTold("Copied.");
    } catch {
      setTold("This browser does not allow copying: select the link.");
    }
  };
  return (
    <>
      <form class="bar" onSubmit={submit}>
        <label>
          Works for
          <select value={until} onChange={(event) => setUntil(event.currentTarget.value)}>
            {Object.entries(SPANS).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label>
          Reason, for the audit log
          <input value={reason} maxLength={1_000} placeholder="for the CDN" onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
        <button type="submit" disabled={isAsking}>
          Make a link
        </button>
      </form>
      <Refusal problem={problem} />
      {made && (
        <div class="notice stack">
          <p>
            This link works until <Time at={made.expires} />. It is shown only now.
          </p>
          <div class="bar">
            <input aria-label="Link" class="mono" readOnly value={made.link} onFocus={(event) => event.currentTarget.select()} />
            <button type="button" onClick={() => copy(made.link)}>
              Copy
            </button>
            <span role="status">{told}</span>
          </div>
        </div>
      )}
    </>
  );
}

function List({ id, shares, refresh }: { id: string; shares: Share[]; refresh: () => void }) {
  const { isAsking, problem, make } = useChange();
  const revoke = (share: string) =>
    make(async () => {
      await change("DELETE", `${address(id)}/${encodeURIComponent(share)}`, {});
      refresh();
    });
  return (
    <>
      <ul class="plain stack" aria-label="Links that work">
        {shares.map((share) => (
          <li key={share.id} class="bar">
            <span>
              Made by {share.actor} at <Time at={share.created} />, works until <Time at={share.expires} />
            </span>
            {isOperator.value && (
              <button type="button" class="quiet" disabled={isAsking} onClick={() => revoke(share.id)}>
                Revoke<span class="hidden"> the link {share.id}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
      <Refusal problem={problem} />
    </>
  );
}
