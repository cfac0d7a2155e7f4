// What people do about an anomaly: who looks into it, what they found, who is told of it.

import { useState } from "preact/hooks";
import { change } from "../api/client.ts";
import type { Anomaly } from "../api/types.ts";
import { useChange } from "../parts/change.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Refusal } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { isOperator, operatesSomewhere, session } from "../session.ts";

interface Props {
  anomaly: Anomaly;
  refresh: () => void;
}

interface Question {
  title: string;
  /** What it does. */
  text: string;
  act: string;
  /** Label of the field, and the field of the body that it fills; without one, it is the reason. */
  field?: { label: string; name: "to" | "text" | "until" };
  button: string;
  more?: Record<string, unknown>;
}

const MUTE: Question = {
  title: "Mute this anomaly",
  text: "No receiver is told of it until then; without a time, until it closes.",
  act: "mute",
  field: { label: "Until: 2h, or 2020-07-06T08:00:00Z", name: "until" },
  button: "Mute",
};

const MUTE_COHORT: Question = {
  ...MUTE,
  title: "Mute its cohort",
  text: "Further anomalies of its kinds and cohort open silently too; without a time, for 90 days.",
  button: "Mute its cohort",
  more: { cohort: true },
};

const QUESTIONS: Record<"assign" | "comment" | "mute" | "cohort" | "expected", Question> = {
  assign: {
    title: "Assign",
    text: "Whoever looks at it sees who works on it.",
    act: "assign",
    field: { label: "To (empty: to nobody)", name: "to" },
    button: "Assign",
  },
  comment: { title: "Comment", text: "It is in the history and the audit log.", act: "comment", field: { label: "Comment", name: "text" }, button: "Comment" },
  mute: MUTE,
  cohort: MUTE_COHORT,
  expected: {
    title: "This is expected",
    text: "There is a reason for it that is no fault, such as a roll-out: it closes, and its level is normal from now on.",
    act: "expected",
    button: "Close as expected",
  },
};

const address = (anomaly: Anomaly, act: string) => `anomalies/${encodeURIComponent(anomaly.id)}/${act}`;

export function AnomalyActs({ anomaly, refresh }: Props) {
  const [asked, setAsked] = useState<Question | null>(null);
  const { isAsking, problem, make } = useChange();
  const isOpen = anomaly.status === "open";
  const now = (method: "POST" | "DELETE", act: string) =>
    make(async () => {
      await change(method, address(anomaly, act), {});
      refresh();
    });
  return (
    <div class="stack">
      <Handling anomaly={anomaly} />
      {operatesSomewhere.value && (
        <div class="actions" role="group" aria-label="What you do about it">
          {isOpen && !anomaly.acknowledged && (
            <button type="button" disabled={isAsking} onClick={() => now("POST", "acknowledge")}>
              Acknowledge
            </button>
          )}
          <button type="button" onClick={() => setAsked(QUESTIONS.assign)}>
            Assign…
          </button>
          <button type="button" onClick={() => setAsked(QUESTIONS.comment)}>
            Comment…
          </button>
          {isOperator.value && anomaly.muted && (
            <button type="button" disabled={isAsking} onClick={() => now("DELETE", "mute")}>
              Unmute
            </button>
          )}
          {isOperator.value && !anomaly.muted && (
            <>
              {isOpen && (
                <button type="button" onClick={() => setAsked(QUESTIONS.mute)}>
                  Mute…
                </button>
              )}
              <button type="button" onClick={() => setAsked(QUESTIONS.cohort)}>
                Mute its cohort…
              </button>
            </>
          )}
          {isOperator.value && isOpen && anomaly.kind !== "rule_harm" && (
            <button type="button" onClick={() => setAsked(QUESTIONS.expected)}>
              Expected…
            </button>
          )}
          {!isOpen && (
            <button type="button" disabled={isAsking} onClick={() => now("POST", "reopen")}>
              Reopen
            </button>
          )}
        </div>
      )}
      <Refusal problem={problem} />
      {asked && <Ask anomaly={anomaly} question={asked} close={() => setAsked(null)} refresh={refresh} />}
    </div>
  );
}

/** What was said about it, in words. */
function Handling({ anomaly }: { anomaly: Anomaly }) {
  const { acknowledged, assignee, muted, expected } = anomaly;
  if (!acknowledged && !assignee && !muted && !expected) return null;
  return (
    <ul class="plain responses" aria-label="Who looks into it">
      {acknowledged && (
        <li>
          Acknowledged by {acknowledged.by} at <Time at={acknowledged.time} seconds />
        </li>
      )}
      {assignee && <li>Assigned to {assignee}</li>}
      {muted && (
        <li>
          Muted by {muted.by} {muted.until ? "until " : "until it closes"}
          {muted.until && <Time at={muted.until} />}
          {muted.cohort_of && `, with the cohort of ${muted.cohort_of}`}
        </li>
      )}
      {expected && <li>Its level counts as normal.</li>}
    </ul>
  );
}

/** A span is from now on. */
const until = (text: string) => (/^\d+[smhd]$/.test(text) ? `+${text}` : text);

function Ask({ anomaly, question, close, refresh }: Props & { question: Question; close: () => void }) {
  const [value, setValue] = useState(question.act === "assign" ? (anomaly.assignee ?? session.value?.name ?? "") : "");
  const [reason, setReason] = useState("");
  const { isAsking, problem, make } = useChange();
  const submit = (event: Event) => {
    event.preventDefault();
    const text = value.trim();
    const name = question.field?.name;
    const filled = name === "until" ? until(text) : text;
    const body = { ...question.more, ...(name && (filled !== "" || name === "text") && { [name]: filled }), ...(name === "to" && filled === "" && { to: null }) };
    make(async () => {
      await change("POST", address(anomaly, question.act), body, { reason: reason.trim() });
      refresh();
      close();
    });
  };
  return (
    <Dialog title={question.title} close={close}>
      <form class="stack" onSubmit={submit}>
        <p>{question.text}</p>
        {question.field && (
          <label>
            {question.field.label}
            {question.field.name === "text" ? (
              <textarea value={value} maxLength={1_000} required onInput={(event) => setValue(event.currentTarget.value)} />
            ) : (
              <input value={value} maxLength={100} onInput={(event) => setValue(event.currentTarget.value)} />
            )}
          </label>
        )}
        {question.act !== "comment" && (
          <label>
            Reason (for the history and the audit log)
            <input value={reason} maxLength={1_000} onInput={(event) => setReason(event.currentTarget.value)} />
          </label>
        )}
        <Refusal problem={problem} />
        <div class="actions">
          <button type="submit" class="primary" disabled={isAsking}>
            {question.button}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
