// A Blobwatch-Id opens its request, from every view and whatever the window: the id itself says when the request was.

import { useState } from "preact/hooks";
import { go, to } from "../address.ts";
import { recordId } from "../record_id.ts";

export function Search() {
  const [text, setText] = useState("");
  const [isWrong, setWrong] = useState(false);
  const submit = (event: Event) => {
    event.preventDefault();
    const id = recordId(text);
    setWrong(id === null);
    if (id === null) return;
    setText("");
    go(to(["fires"], { open: id }));
  };
  return (
    <form class="search" role="search" onSubmit={submit}>
      <input
        aria-label="Blobwatch-Id of a request"
        aria-invalid={isWrong}
        placeholder="Blobwatch-Id"
        title={isWrong ? "A Blobwatch-Id has 26 letters and digits, such as 01M850PVFCHPH3JAR69G00000Q" : "Opens the request with this id"}
        value={text}
        autocomplete="off"
        spellcheck={false}
        maxLength={200}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setWrong(false);
        }}
      />
      {isWrong && (
        <span role="alert" class="fault">
          This is no Blobwatch-Id: it has 26 letters and digits.
        </span>
      )}
    </form>
  );
}
