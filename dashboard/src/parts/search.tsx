// A name of a request, an anomaly, a rule or a blob opens it, from every view and whatever the window.

import { useEffect, useRef, useState } from "preact/hooks";
import { go } from "../address.ts";
import { toProblem } from "../api/client.ts";
import { find } from "../find.ts";
import { sought } from "../sought.ts";

const EXPECTED = "Expected a Blobwatch-Id, a CF-Ray, an anomaly (an-000012), a rule's name or a digest.";

export function Search() {
  const [text, setText] = useState("");
  const [fault, setFault] = useState("");
  const [isAsking, setAsking] = useState(false);
  const asked = useRef(new AbortController());
  useEffect(() => () => asked.current.abort(), []);
  const forget = () => {
    asked.current.abort();
    asked.current = new AbortController();
    setAsking(false);
    setFault("");
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    forget();
    const wanted = sought(text);
    if (!wanted) return setFault(EXPECTED);
    const { signal } = asked.current;
    setAsking(true);
    try {
      const found = await find(wanted, signal);
      if (signal.aborted) return;
      if ("nothing" in found) setFault(found.nothing);
      else {
        setText("");
        go(found.address);
      }
    } catch (error) {
      if (!signal.aborted) setFault(toProblem(error).detail);
    } finally {
      if (!signal.aborted) setAsking(false);
    }
  };
  return (
    <form class="search" role="search" onSubmit={submit}>
      <input
        aria-label="Blobwatch-Id, CF-Ray, anomaly, rule or digest"
        aria-invalid={fault !== ""}
        aria-busy={isAsking}
        placeholder="Id, ray, rule, digest"
        title={fault || "Opens what has this name, whatever the window"}
        value={text}
        autocomplete="off"
        spellcheck={false}
        maxLength={500}
        onInput={(event) => {
          setText(event.currentTarget.value);
          forget();
        }}
      />
      {isAsking && (
        <span role="status" class="hidden">
          Searching…
        </span>
      )}
      {fault && (
        <span role="alert" class="fault">
          {fault}
        </span>
      )}
    </form>
  );
}
