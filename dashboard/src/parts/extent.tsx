// How long, how much and how many: what one reads of an anomaly after its sentence.

import type { ComponentChildren } from "preact";
import type { Anomaly } from "../api/types.ts";
import { count, duration, rise } from "../format.ts";
import { Time } from "./time.tsx";

const Fact = ({ name, children }: { name: string; children: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

/** Until it closed, or until now. */
const lasted = (anomaly: Anomaly): string => duration((anomaly.closed ? Date.parse(anomaly.closed) : Date.now()) - Date.parse(anomaly.onset));

function rate({ kind, baseline, observed }: Anomaly): string | null {
  // Denied though healthy: a count of clients, not a rate.
  if (kind === "rule_harm") return null;
  if (kind === "traffic_cliff") return `from ${count(baseline)} to ${count(observed)} requests a minute`;
  return rise(baseline, observed);
}

export function Extent({ anomaly }: { anomaly: Anomaly }) {
  const about = anomaly.clients_exact === false ? "about " : "";
  const words = rate(anomaly);
  const [suspect] = anomaly.rules;
  return (
    <dl class="extent">
      <Fact name="Since">
        <Time at={anomaly.onset} /> <span class="faint">{lasted(anomaly)}</span>
      </Fact>
      <Fact name="Found">
        <Time at={anomaly.opened} />
        {anomaly.reopened > 0 && <span class="faint"> opened again {anomaly.reopened === 1 ? "once" : `${anomaly.reopened} times`}</span>}
      </Fact>
      {anomaly.closed && (
        <Fact name="Closed">
          <Time at={anomaly.closed} />
        </Fact>
      )}
      {words && <Fact name="Rate">{words}</Fact>}
      {anomaly.clients > 0 && (
        <Fact name="Affected">
          {about}
          {count(anomaly.clients)} clients in {count(anomaly.networks)} networks
        </Fact>
      )}
      {suspect?.mode_changed && (
        <Fact name={`${suspect.rule} switched`}>
          <Time at={suspect.mode_changed} />
        </Fact>
      )}
    </dl>
  );
}
