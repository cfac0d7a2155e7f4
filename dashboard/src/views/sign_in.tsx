import { useState } from "preact/hooks";
import { toProblem } from "../api/client.ts";
import type { Problem } from "../api/types.ts";
import icon from "../icon.svg";
import { hasEnded, providerAddress, sessionProblem, signIn } from "../session.ts";

export function SignIn() {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isAsking, setAsking] = useState(false);
  const told = problem ?? sessionProblem.value;

  const submit = async (event: Event) => {
    event.preventDefault();
    setAsking(true);
    try {
      await signIn(token);
    } catch (error) {
      setProblem(toProblem(error));
    } finally {
      setAsking(false);
    }
  };

  return (
    <main class="sign-in" id="main">
      <h1 class="brand">
        <img src={icon} alt="" width="22" height="22" /> Blobwatch
      </h1>
      {providerAddress.value && (
        <p>
          <a class="button primary" href={providerAddress.value}>
            Sign in with your identity provider
          </a>
        </p>
      )}
      <form onSubmit={submit}>
        <label>
          Token
          <input
            type="password"
            value={token}
            autocomplete="current-password"
            required
            autofocus
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary" disabled={isAsking}>
          {isAsking ? "Signing in…" : "Sign in"}
        </button>
      </form>
      {!told && hasEnded.value && (
        <p class="notice" role="status">
          Your session has expired: sign in again. Behind Cloudflare Access, reload this page.
        </p>
      )}
      {told && (
        <p class="notice notice-bad" role="alert">
          {told.status === 401 ? "Unknown token." : told.detail}
        </p>
      )}
      <p class="faint">
        An API token. <code>cargo xtask dev</code> and <code>blobwatch serve</code> print the first one; admins make others. The session lasts 12 hours, in this browser only.
      </p>
    </main>
  );
}
