// The first page of a deployment that has seen no pull: how to send one.

import { useState } from "preact/hooks";
import { change, get, toProblem } from "../api/client.ts";
import type { Problem } from "../api/types.ts";
import { useLive } from "../live.ts";
import { Refusal } from "../parts/states.tsx";
import { isOperator, session } from "../session.ts";

export function FirstStart() {
  const { host } = location;
  const image = session.value?.capabilities.demo ? "demo/hello" : "NAME";
  return (
    <section class="card first" aria-labelledby="first">
      <h1 id="first">No pull has come through yet</h1>
      <p>Blobwatch is running. Pull an image through it; this page shows it a second later:</p>
      <pre tabIndex={0}>{`skopeo copy --src-tls-verify=false docker://${host}/${image}:latest dir:out`}</pre>
      <p>
        Or with Docker: <code>{`docker pull ${host}/${image}:latest`}</code> (for plain HTTP, add the host to{" "}
        <code>insecure-registries</code>, except for 127.0.0.1).
      </p>
      <Play />
    </section>
  );
}

interface Played {
  status: "idle" | "running" | "done" | "failed";
  progress: number;
  text: string;
}

/** Above what it brings about, while it runs. */
export function Playing() {
  const can = session.value?.capabilities.demo && isOperator.value;
  const live = useLive(can ? "playing" : null, (signal) => get<Played>("demo/play", {}, signal), 5_000);
  if (live.data?.status !== "running") return null;
  return (
    <p class="faint" role="status">
      <progress value={live.data.progress} max={1} aria-label="Played" /> July 2020 is being played: {live.data.text}
    </p>
  );
}

/** July 2020, on a machine of a developer. */
export function Play() {
  const [problem, setProblem] = useState<Problem | null>(null);
  const can = session.value?.capabilities.demo && isOperator.value;
  const live = useLive(can ? "demo" : null, (signal) => get<Played>("demo/play", {}, signal), 2_000);
  if (!can) return null;
  const play = () =>
    change("POST", "demo/play")
      .then(live.refresh)
      .catch((error: unknown) => setProblem(toProblem(error)));
  const running = live.data?.status === "running";
  return (
    <div class="stack">
      <p>
        Or play the incident that Blobwatch was made for: on 5 July 2020 an anti-botnet rule went from monitor to enforce, and
        pulls of Amazon Linux machines hung in several regions. It takes a few minutes.
      </p>
      <div class="actions">
        <button type="button" class="primary" disabled={running} onClick={play}>
          {running ? "Playing…" : "Play July 2020"}
        </button>
        {live.data && live.data.status !== "idle" && (
          <span role="status">
            <progress value={live.data.progress} max={1} aria-label="Played" /> {live.data.text}
          </span>
        )}
      </div>
      <Refusal problem={problem} />
    </div>
  );
}
