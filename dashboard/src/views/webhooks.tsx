// Webhooks: who is told of anomalies, whether the messages arrive, and a message to try it with.

import { useState } from "preact/hooks";
import { BASE } from "../address.ts";
import { change, get, toProblem } from "../api/client.ts";
import type { Page, Problem } from "../api/types.ts";
import { useLive } from "../live.ts";
import { type Closes, Reason, useClosingChange } from "../parts/change.tsx";
import { Columns } from "../parts/columns.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Empty, Refusal, Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";

const EVERY_MS = 5_000;

/** Deliveries that are shown; the API has the newest 200. */
const MAX_SHOWN = 20;

/** Without the message `test`, which is sent when somebody asks for it. */
const EVENTS = [
  "anomaly.opened",
  "anomaly.changed",
  "anomaly.closed",
  "anomaly.acknowledged",
  "guard.demoted",
  "rulebook.panic_off",
  "enforcement.proposed",
  "source.silent",
  "attribute.saturated",
  "data.lost",
  "mode.changed",
  "mode.stage",
];

/** What a new webhook is told of: what somebody should look at. */
const DEFAULT_EVENTS = EVENTS.filter((event) => !event.startsWith("mode."));

/** Receivers, and what their secret is; none where the address is the secret. */
const FORMATS: Record<string, { label: string; secret: string | null }> = {
  generic: { label: "Blobwatch's own JSON, signed", secret: "Secret, 22 to 256 bytes: it signs each message" },
  slack: { label: "Slack", secret: null },
  teams: { label: "Teams", secret: null },
  discord: { label: "Discord", secret: null },
  pagerduty: { label: "PagerDuty", secret: "Integration key" },
  opsgenie: { label: "Opsgenie", secret: "API key" },
  alertmanager: { label: "Alertmanager", secret: "Bearer token, if it wants one" },
  otlp: { label: "OpenTelemetry logs (OTLP/HTTP)", secret: "Bearer token, if it wants one" },
  cloudevents: { label: "CloudEvents, signed", secret: "Secret, 22 to 256 bytes: it signs each message" },
};

const SEVERITIES = ["info", "warning", "critical"];

interface Webhook {
  id: string;
  url: string;
  format: string;
  events: string[];
  kinds: string[];
  routes: string[];
  severity: string;
  dashboard: string | null;
}

const words = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== "");

interface Delivery {
  id: string;
  webhook: string;
  event: string;
  status: "pending" | "delivered" | "failed";
  created: string;
  attempts: number;
  next: string | null;
  ended: string | null;
  outcome: string | null;
}

const pathOf = (id: string): string => `webhooks/${encodeURIComponent(id)}`;

export function Webhooks() {
  const live = useLive(
    "webhooks",
    async (signal) => {
      const [webhooks, deliveries] = await Promise.all([get<Page<Webhook>>("webhooks", {}, signal), get<Page<Delivery>>("webhooks/deliveries", {}, signal)]);
      return { webhooks: webhooks.items, deliveries: deliveries.items };
    },
    EVERY_MS,
  );
  const [edited, setEdited] = useState<Webhook | "new" | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const tryIt = (id: string) => () => {
    setProblem(null);
    change("POST", `${pathOf(id)}/test`).then(live.refresh, (error: unknown) => setProblem(toProblem(error)));
  };
  return (
    <section aria-labelledby="webhooks" class="stack">
      <div class="bar spread">
        <h2 id="webhooks">Webhooks</h2>
        <button type="button" onClick={() => setEdited("new")}>
          New webhook…
        </button>
      </div>
      <Refusal problem={problem} />
      <Shown live={live} what="the webhooks">
        {({ webhooks, deliveries }) => (
          <div class="stack">
            {webhooks.length === 0 ? (
              <Empty title="Nobody is told of anomalies">A webhook sends each anomaly to a chat or a pager when it opens, changes and closes.</Empty>
            ) : (
              <ul class="plain card rows">
                {webhooks.map((webhook) => (
                  <li key={webhook.id} class="row spread-row">
                    <span>
                      <strong>{webhook.id}</strong> <span class="faint">{FORMATS[webhook.format]?.label ?? webhook.format}</span> <span class="faint">{webhook.url}</span>{" "}
                      <span class="faint">{webhook.events.join(", ")}</span>
                    </span>
                    <span class="actions">
                      <button type="button" onClick={tryIt(webhook.id)}>
                        Send a test<span class="hidden"> to {webhook.id}</span>
                      </button>
                      <button type="button" onClick={() => setEdited(webhook)}>
                        Edit…<span class="hidden"> {webhook.id}</span>
                      </button>
                    </span>
                  </li>
                ))}
              </ul>
            )}
            <Deliveries items={deliveries.slice(0, MAX_SHOWN)} />
          </div>
        )}
      </Shown>
      {edited && <WebhookEditor webhook={edited === "new" ? null : edited} close={() => setEdited(null)} done={live.refresh} />}
    </section>
  );
}

function Deliveries({ items }: { items: Delivery[] }) {
  if (items.length === 0) return null;
  return (
    <div class="scroller" tabIndex={0} role="region" aria-label="Deliveries">
      <table class="list">
        <Columns names={["Delivery", "To", "Event", "Status", "Attempts", "Outcome"]} />
        <tbody>
          {items.map((delivery) => (
            <tr key={delivery.id}>
              <td>
                <Time at={delivery.created} seconds />
              </td>
              <td>{delivery.webhook}</td>
              <td>{delivery.event}</td>
              <td>
                <span class={`badge delivery-${delivery.status}`}>{delivery.status}</span>
              </td>
              <td class="number">{delivery.attempts}</td>
              <td>
                {delivery.outcome}
                {delivery.status === "pending" && delivery.next && (
                  <span class="faint">
                    {" "}
                    next <Time at={delivery.next} seconds />
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface Props extends Closes {
  webhook: Webhook | null;
}

function WebhookEditor({ webhook, close, done }: Props) {
  const [id, setId] = useState(webhook?.id ?? "");
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [secret, setSecret] = useState("");
  const [format, setFormat] = useState(webhook?.format ?? "generic");
  const [events, setEvents] = useState(webhook?.events ?? DEFAULT_EVENTS);
  const [severity, setSeverity] = useState(webhook?.severity ?? "info");
  const [kinds, setKinds] = useState(webhook?.kinds.join(", ") ?? "");
  const [routes, setRoutes] = useState(webhook?.routes.join(", ") ?? "");
  const [reason, setReason] = useState("");
  const secretLabel = FORMATS[format]?.secret;
  const { isAsking, problem, act } = useClosingChange({ close, done });
  const save = (event: Event) => {
    event.preventDefault();
    const dashboard = webhook?.dashboard ?? new URL(BASE, location.href).href;
    const body = { url, format, events, severity, kinds: words(kinds), routes: words(routes), dashboard, ...(secret !== "" && { secret }) };
    act(() => change("PUT", pathOf(id), body, { reason }));
  };
  const toggle = (event: string) => setEvents((now) => (now.includes(event) ? now.filter((one) => one !== event) : [...now, event]));
  return (
    <Dialog title={webhook ? `Webhook ${webhook.id}` : "New webhook"} close={close}>
      <form class="stack" onSubmit={save}>
        {!webhook && (
          <label>
            Name
            <input value={id} required autocomplete="off" spellcheck={false} maxLength={64} placeholder="chat" onInput={(event) => setId(event.currentTarget.value.trim())} />
          </label>
        )}
        <label>
          Address
          <input type="url" value={url} required autocomplete="off" spellcheck={false} placeholder="https://hooks.example.com/…" onInput={(event) => setUrl(event.currentTarget.value.trim())} />
        </label>
        <label>
          Receiver
          <select value={format} onChange={(event) => setFormat(event.currentTarget.value)}>
            {Object.entries(FORMATS).map(([name, { label }]) => (
              <option key={name} value={name}>
                {label}
              </option>
            ))}
          </select>
        </label>
        {secretLabel && (
          <label>
            {webhook ? `${secretLabel}; empty: as it is` : secretLabel}
            <input
              type="password"
              value={secret}
              required={!webhook && !["alertmanager", "otlp"].includes(format)}
              autocomplete="new-password"
              onInput={(event) => setSecret(event.currentTarget.value)}
            />
          </label>
        )}
        <fieldset>
          <legend>Sends</legend>
          {[...new Set([...EVENTS, ...events])].map((event) => (
            <label key={event} class="choice">
              <input type="checkbox" checked={events.includes(event)} onChange={() => toggle(event)} /> {event}
            </label>
          ))}
        </fieldset>
        <label>
          At least
          <select value={severity} onChange={(event) => setSeverity(event.currentTarget.value)}>
            {SEVERITIES.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          Kinds of anomaly; empty: all
          <input value={kinds} autocomplete="off" spellcheck={false} placeholder="start_failed, resume_surge" onInput={(event) => setKinds(event.currentTarget.value)} />
        </label>
        <label>
          Routes; empty: all
          <input value={routes} autocomplete="off" spellcheck={false} placeholder="default" onInput={(event) => setRoutes(event.currentTarget.value)} />
        </label>
        <Reason value={reason} set={setReason} problem={problem} />
        <div class="actions">
          <button type="submit" class="primary" disabled={isAsking || events.length === 0}>
            {isAsking ? "Saving…" : "Save"}
          </button>
          {webhook && (
            <button type="button" class="danger-quiet" disabled={isAsking || reason === ""} onClick={() => act(() => change("DELETE", pathOf(id), undefined, { reason }))}>
              Remove
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}
