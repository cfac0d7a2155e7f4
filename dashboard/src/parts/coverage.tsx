// What the detector can see and what it cannot, so that no anomaly is not taken for health.

import type { Coverage as Answer } from "../api/types.ts";

/** Green only where a fault would be found. */
export function NoFault({ coverage }: { coverage: Answer }) {
  if (coverage.state !== "watching") return <p class="card unsure">{coverage.text}</p>;
  return (
    <p class="card calm">
      <span aria-hidden="true">✓</span> The detector sees no fault. <span class="faint">{coverage.text}</span>
    </p>
  );
}

export function Limits({ coverage }: { coverage: Answer }) {
  const { clients, networks } = coverage.anomaly_breadth;
  return (
    <details class="limits">
      <summary>What the detector does not see</summary>
      <ul>
        {coverage.limits.map((limit) => (
          <li key={limit}>{limit}</li>
        ))}
        <li>
          A fault that affects fewer than {clients} {clients === 1 ? "client" : "clients"} in {networks} {networks === 1 ? "network" : "networks"} (the
          setting anomaly_breadth).
        </li>
      </ul>
    </details>
  );
}
