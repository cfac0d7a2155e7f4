// Tokens: who may call, with which role and where, until when. A token is shown once, to whoever makes it.

import { useState } from "preact/hooks";
import { change, get } from "../api/client.ts";
import type { Page, Role } from "../api/types.ts";
import { useLive } from "../live.ts";
import { type Closes, Reason, useChange, useClosingChange } from "../parts/change.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";

const EVERY_MS = 10_000;

const DAY_MS = 86_400_000;

const ROLES: Record<Role, string> = {
  viewer: "reads",
  analyst: "also previews rules",
  operator: "also changes rules, routes and modes",
  admin: "also says who may call",
  ingest: "pushes events, and reads nothing",
};

/** Days until a token expires; 0: never. */
const LIVES = [7, 30, 90, 365, 0];

interface Token {
  name: string;
  role: Role;
  routes: string[] | null;
  source: "secret" | "rulebook";
  created: string | null;
  created_by: string | null;
  expires: string | null;
  expired: boolean;
  used: string | null;
}

const pathOf = (name: string): string => `tokens/${encodeURIComponent(name)}`;

const inDays = (days: number): string | null => (days === 0 ? null : new Date(Date.now() + days * DAY_MS).toISOString());

interface Named {
  name: string;
}

export function Tokens({ routes }: { routes: Named[] }) {
  const live = useLive("tokens", (signal) => get<Page<Token>>("tokens", {}, signal), EVERY_MS);
  const [isNew, setNew] = useState(false);
  const [edited, setEdited] = useState<Token | null>(null);
  return (
    <section aria-labelledby="tokens" class="stack">
      <div class="bar spread">
        <h2 id="tokens">Tokens</h2>
        <button type="button" onClick={() => setNew(true)}>
          New token…
        </button>
      </div>
      <Shown live={live} what="the tokens">
        {({ items }) => (
          <ul class="plain card rows">
            {items.map((token) => (
              <li key={token.name} class="row spread-row">
                <Words token={token} />
                {token.source === "rulebook" && (
                  <span class="actions">
                    <button type="button" onClick={() => setEdited(token)}>
                      Change…<span class="hidden"> {token.name}</span>
                    </button>
                  </span>
                )}
              </li>
            ))}
          </ul>
        )}
      </Shown>
      {isNew && <NewToken routes={routes} close={() => setNew(false)} done={live.refresh} />}
      {edited && <TokenEnd token={edited} close={() => setEdited(null)} done={live.refresh} />}
    </section>
  );
}

const Words = ({ token }: { token: Token }) => (
  <span>
    <strong>{token.name}</strong> {token.role}
    {token.routes && ` of ${token.routes.join(", ")}`}{" "}
    {token.source === "secret" ? (
      <span class="faint">in BLOBWATCH_TOKENS: it is changed there</span>
    ) : (
      <span class="faint">
        {token.created && (
          <>
            made <Time at={token.created} /> by {token.created_by},{" "}
          </>
        )}
        {token.used ? (
          <>
            used <Time at={token.used} />
          </>
        ) : (
          "never used"
        )}
        ,{" "}
        {token.expires ? (
          <>
            {token.expired ? "expired" : "expires"} <Time at={token.expires} />
          </>
        ) : (
          "does not expire"
        )}
      </span>
    )}
  </span>
);

const Life = ({ days, set }: { days: number; set: (days: number) => void }) => (
  <label>
    Expires
    <select value={days} onChange={(event) => set(Number(event.currentTarget.value))}>
      {LIVES.map((one) => (
        <option key={one} value={one}>
          {one === 0 ? "never" : `in ${one} days`}
        </option>
      ))}
    </select>
  </label>
);

function NewToken({ routes, close, done }: Closes & { routes: Named[] }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [chosen, setChosen] = useState<string[]>([]);
  const [days, setDays] = useState(90);
  const [reason, setReason] = useState("");
  const [token, setToken] = useState<string | null>(null);
  const { isAsking, problem, make } = useChange();
  const submit = (event: Event) => {
    event.preventDefault();
    make(async () => {
      const limited = role === "operator" && chosen.length > 0 ? { routes: chosen } : {};
      setToken((await change<{ token: string }>("POST", "tokens", { name, role, ...limited, expires: inDays(days), reason })).token);
      done();
    });
  };
  const toggle = (route: string) => setChosen((now) => (now.includes(route) ? now.filter((one) => one !== route) : [...now, route]));
  if (token !== null) {
    return (
      <Dialog title={`The token of ${name}`} close={close}>
        <p>It is shown this once and kept nowhere. Whoever has it may do what {name} may.</p>
        <pre tabIndex={0} aria-label="Token">
          {token}
        </pre>
      </Dialog>
    );
  }
  return (
    <Dialog title="New token" close={close}>
      <form class="stack" onSubmit={submit}>
        <label>
          Name, for the audit log
          <input value={name} required autocomplete="off" spellcheck={false} maxLength={64} placeholder="ada" onInput={(event) => setName(event.currentTarget.value.trim())} />
        </label>
        <label>
          Role
          <select value={role} onChange={(event) => setRole(event.currentTarget.value as Role)}>
            {Object.entries(ROLES).map(([one, does]) => (
              <option key={one} value={one}>
                {one}: {does}
              </option>
            ))}
          </select>
        </label>
        {role === "operator" && (
          <fieldset>
            <legend>On these routes only; none: on all</legend>
            {routes.map((route) => (
              <label key={route.name} class="choice">
                <input type="checkbox" checked={chosen.includes(route.name)} onChange={() => toggle(route.name)} /> {route.name}
              </label>
            ))}
          </fieldset>
        )}
        <Life days={days} set={setDays} />
        <Reason value={reason} set={setReason} problem={problem} />
        <div class="actions">
          <button type="submit" class="primary" disabled={isAsking}>
            {isAsking ? "Making…" : "Make the token"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function TokenEnd({ token, close, done }: Closes & { token: Token }) {
  const [days, setDays] = useState(90);
  const [reason, setReason] = useState("");
  const { isAsking, problem, act } = useClosingChange({ close, done });
  const save = (event: Event) => {
    event.preventDefault();
    act(() => change("PUT", pathOf(token.name), { expires: inDays(days), reason }));
  };
  return (
    <Dialog title={`The token of ${token.name}`} close={close}>
      <form class="stack" onSubmit={save}>
        <p>
          <Words token={token} />
        </p>
        <Life days={days} set={setDays} />
        <Reason value={reason} set={setReason} problem={problem} />
        <div class="actions">
          <button type="submit" class="primary" disabled={isAsking}>
            Set the end
          </button>
          <button type="button" class="danger" disabled={isAsking || reason === ""} onClick={() => act(() => change("DELETE", pathOf(token.name), undefined, { reason }))}>
            Revoke it now
          </button>
        </div>
      </form>
    </Dialog>
  );
}
