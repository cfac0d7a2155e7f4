// A real OpenID Connect provider on loopback: npm's `oidc-provider`, with people who need no password.
//
// `REDIRECT_URI` is where it sends people back to. It prints its address once it listens. A test can make it a bad one:
// `PUT /test/keys` makes it sign with new keys, as a provider does that rotates its own; `PUT /test/claims` with
// `{"alg": …, "claims": …}` makes it put other claims into ID tokens, which it signs with its key, or says that it signs otherwise.

import { generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import Provider from "oidc-provider";

const GROUPS = { ada: ["admins", "everybody"], bob: ["everybody"], eve: ["strangers"] };

const ITSELF = "x-as-it-is";

let number = 0;
let keys = [];
let serve;
let change = null;

function key(alg) {
  const { privateKey } = alg === "RS256" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync("ec", { namedCurve: "P-256" });
  number += 1;
  return { privateKey, jwk: { ...privateKey.export({ format: "jwk" }), alg, use: "sig", kid: `key-${number}` } };
}

const client = (id, alg) => ({
  client_id: id,
  client_secret: "a secret & more",
  redirect_uris: [process.env.REDIRECT_URI],
  id_token_signed_response_alg: alg,
});

function begin(issuer) {
  keys = [key("RS256"), key("ES256")];
  const provider = new Provider(issuer, {
    clients: [client("rsa", "RS256"), client("elliptic", "ES256")],
    jwks: { keys: keys.map(({ jwk }) => jwk) },
    claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"] },
    scopes: ["openid", "email", "groups"],
    conformIdTokenClaims: false,
    cookies: { keys: ["of the tests"] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, groups: GROUPS[id] ?? [] }),
    }),
  });
  serve = provider.callback();
}

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

const decoded = (part) => JSON.parse(Buffer.from(part, "base64url").toString());

function changed(token) {
  const [header, claims] = token.split(".").map((part, at) => (at < 2 ? decoded(part) : part));
  const { privateKey } = keys.find(({ jwk }) => jwk.kid === header.kid);
  const signed = `${encoded({ ...header, ...(change.alg && { alg: change.alg }) })}.${encoded({ ...claims, ...change.claims })}`;
  if (change.alg === "none") return `${signed}.`;
  return `${signed}.${sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

/** What it would answer itself, with another ID token. */
async function answerChanged(request, response, issuer) {
  const { authorization, "content-type": type } = request.headers;
  const answer = await fetch(`${issuer}/token`, {
    method: "POST",
    headers: { [ITSELF]: "yes", "content-type": type, ...(authorization && { authorization }) },
    body: await text(request),
  });
  const said = await answer.json();
  response.writeHead(answer.status, { "content-type": "application/json" });
  response.end(JSON.stringify({ ...said, ...(said.id_token && { id_token: changed(said.id_token) }) }));
}

const server = createServer(async (request, response) => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  if (request.url === "/test/keys") {
    begin(issuer);
    response.end("{}");
  } else if (request.url === "/test/claims") {
    change = JSON.parse(await text(request));
    response.end("{}");
  } else if (request.url === "/token" && change && !request.headers[ITSELF]) {
    await answerChanged(request, response, issuer);
  } else {
    serve(request, response);
  }
});

server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  begin(issuer);
  console.log(`issuer ${issuer}`);
});
