// Enforcements that wait for a second person, and the two answers.

import { useState } from "preact/hooks";
import { change, get } from "../api/client.ts";
import type { Page, Pending as PendingItem } from "../api/types.ts";
import { useLive } from "../live.ts";
import { operatesOn, session } from "../session.ts";
import { Reason, useChange } from "./change.tsx";
import { Dialog } from "./dialog.tsx";
import { Time } from "./time.tsx";

const EVERY_MS = 5_000;

type Answer = "approve" | "decline";

export function Pending({ done }: { done: () => void }) {
  const live = useLive("pending", (signal) => get<Page<PendingItem>>("pending", { limit: 100 }, signal), EVERY_MS);
  const [asked, setAsked] = useState<{ item: PendingItem; answer: Answer } | null>(null);
  const items = live.data?.items ?? [];
  const refresh = () => {
    live.refresh();
    done();
  };
  if (items.length === 0 && !asked) return null;
  return (
    <section class="stack" aria-label="Waits for a second person">
      <h2>Waits for a second person</h2>
      <ul class="plain card rows">
        {items.map((item) => (
          <li key={item.id} class="row spread-row">
            <span>
              {item.sentence}. <span class="faint">{item.reason}</span>{" "}
              <span class="faint">
                until <Time at={item.expires} />
              </span>
            </span>
            {operatesOn(item.route) && (
              <span class="actions">
                {item.actor !== session.value?.name && (
                  <button type="button" class="danger" onClick={() => setAsked({ item, answer: "approve" })}>
                    Approve…<span class="hidden"> {item.rule} on {item.route}</span>
                  </button>
                )}
                <button type="button" onClick={() => setAsked({ item, answer: "decline" })}>
                  {item.actor === session.value?.name ? "Withdraw…" : "Decline…"}
                  <span class="hidden">
                    {" "}
                    {item.rule} on {item.route}
                  </span>
                </button>
              </span>
            )}
          </li>
        ))}
      </ul>
      {asked && <Decide {...asked} close={() => setAsked(null)} done={refresh} />}
    </section>
  );
}

interface Props {
  item: PendingItem;
  answer: Answer;
  close: () => void;
  done: () => void;
}

function Decide({ item, answer, close, done }: Props) {
  const [reason, setReason] = useState("");
  const { isAsking, problem, make } = useChange();
  const submit = (event: Event) => {
    event.preventDefault();
    make(async () => {
      await change("POST", `rules/${encodeURIComponent(item.rule)}/modes/${encodeURIComponent(item.route)}/${answer}`, { id: item.id, reason });
      done();
      close();
    });
  };
  const isApproved = answer === "approve";
  return (
    <Dialog title={`${isApproved ? "Approve" : "Decline"}: ${item.rule} on ${item.route}`} close={close}>
      <form class="stack" onSubmit={submit}>
        <p>
          {item.sentence}. {item.actor} says: {item.reason}
        </p>
        <Reason value={reason} set={setReason} problem={problem} />
        <div class="actions">
          <button type="submit" class={isApproved ? "danger" : "primary"} disabled={isAsking}>
            {isApproved ? "Enforce it" : "Do not enforce it"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
