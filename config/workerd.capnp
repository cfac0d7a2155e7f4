# Blobwatch on open-source workerd, in front of your own registry: docs/self-hosting.md says how to run it.
# Values come from the environment of the workerd process, folders from --directory-path.

using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  # Megabytes that V8 fills before it looks which objects are garbage. With its own choice, up to 16, some 40 MB of what requests
  # leave behind were destroyed at once, and all pulls waited 60 ms and more.
  v8Flags = ["--max-semi-space-size=4"],
  services = [
    (name = "blobwatch", worker = .blobwatch),
    # Where the SQLite files of the Durable Objects are: --directory-path=data=/var/lib/blobwatch
    (name = "data", disk = (writable = true)),
    # The dashboard's files, which `cargo xtask build` makes: --directory-path=dashboard=build/dashboard
    (name = "dashboard", disk = ()),
    # What the worker may connect to. A registry on this machine or in your network is "private" or "local".
    (name = "internet", network = (allow = ["public", "private", "local"], tlsOptions = (trustBrowserCas = true))),
    # What webhooks may connect to: no private address, whatever a name resolves to.
    (name = "public-internet", network = (allow = ["public"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [
    # Plain HTTP on loopback, for a front proxy that ends TLS. --socket-addr=http=… listens elsewhere.
    #
    # forwardedProtoHeader: the scheme that the client used, which the front proxy must set on every request. Without it a
    # registry writes upload locations for plain HTTP.
    #
    # cfBlobHeader: workerd knows the address of its peer and nothing else of a client. A front proxy can tell the rest in
    # a header with JSON, which becomes `request.cf`:
    #     Blobwatch-Cf: {"clientIp": "192.0.2.7", "asn": 64500, "country": "NZ", "colo": "WLG", "tlsVersion": "TLSv1.3"}
    # Whoever can set that header can be anybody. Turn it on only if nothing but your proxy reaches this socket and the
    # proxy overwrites the header on every request:
    #     http = (cfBlobHeader = "Blobwatch-Cf", forwardedProtoHeader = "X-Forwarded-Proto")
    (name = "http", address = "127.0.0.1:8787", service = "blobwatch", http = (forwardedProtoHeader = "X-Forwarded-Proto")),
  ],
);

const blobwatch :Workerd.Worker = (
  # `cargo xtask build` makes them. The name of a Wasm module is the specifier that worker.js imports.
  modules = [
    (name = "worker.js", esModule = embed "../build/bundle/worker.js"),
    (name = "./data_plane_bg.wasm", wasm = embed "../build/bundle/data_plane_bg.wasm"),
    (name = "./index_bg.wasm", wasm = embed "../build/bundle/index_bg.wasm"),
    (name = "./cloud_prefixes.bin", data = embed "../build/bundle/cloud_prefixes.bin"),
  ],
  compatibilityDate = "2026-11-01",
  # `request.signal` tells whose connection was lost when an observed body breaks.
  compatibilityFlags = ["enable_request_signal"],
  bindings = [
    # The registry behind, for instance http://127.0.0.1:5000
    (name = "ORIGIN", fromEnvironment = "ORIGIN"),
    # `CF-*` headers are the client's word here, and not believed.
    (name = "PLATFORM", text = "workerd"),
    (name = "BLOBWATCH_TOKENS", fromEnvironment = "BLOBWATCH_TOKENS"),
    # Who may call through Cloudflare Access, if anybody; not set: nobody. docs/self-hosting.md, "Cloudflare Access"
    (name = "BLOBWATCH_ACCESS", fromEnvironment = "BLOBWATCH_ACCESS"),
    (name = "BLOBWATCH_OIDC", fromEnvironment = "BLOBWATCH_OIDC"),
    (name = "BLOBWATCH_CLIENT_SECRET", fromEnvironment = "BLOBWATCH_CLIENT_SECRET"),
    (name = "BLOBWATCH_HOST", fromEnvironment = "BLOBWATCH_HOST"),
    (name = "WEBHOOKS", service = "public-internet"),
    (name = "RULE_BOOK", durableObjectNamespace = "RuleBook"),
    (name = "FIRE_LOG", durableObjectNamespace = "FireLog"),
    (name = "ASSETS", service = "dashboard"),
    (name = "DETECTOR", durableObjectNamespace = "Detector"),
    (name = "PREVIEWS", durableObjectNamespace = "Previews"),
  ],
  # The keys name the folders of the data: with another key the worker starts empty.
  durableObjectNamespaces = [
    (className = "RuleBook", uniqueKey = "blobwatch-rule-book", enableSql = true),
    (className = "FireLog", uniqueKey = "blobwatch-fire-log", enableSql = true),
    (className = "Detector", uniqueKey = "blobwatch-detector", enableSql = true),
    (className = "Previews", uniqueKey = "blobwatch-previews", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "data"),
);
