# What `cargo xtask dev` and `cargo xtask demo` serve: Blobwatch on open-source workerd, on this machine only. They give the
# port, the folders and the environment. For a deployment of yours: workerd.capnp.

using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "blobwatch", worker = .blobwatch),
    (name = "data", disk = (writable = true)),
    (name = "dashboard", disk = ()),
    (name = "internet", network = (allow = ["public", "private", "local"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [
    # A request's header CF-Blob becomes `request.cf`: so the demo plays clients everywhere.
    (name = "http", address = "127.0.0.1:8787", service = "blobwatch", http = (cfBlobHeader = "CF-Blob")),
  ],
);

const blobwatch :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "../build/dev/bundle/worker.js"),
    (name = "./data_plane_bg.wasm", wasm = embed "../build/dev/bundle/data_plane_bg.wasm"),
    (name = "./index_bg.wasm", wasm = embed "../build/dev/bundle/index_bg.wasm"),
    (name = "./cloud_prefixes.bin", data = embed "../build/dev/bundle/cloud_prefixes.bin"),
  ],
  # As wrangler.toml deploys it.
  compatibilityDate = "2026-11-01",
  compatibilityFlags = ["enable_request_signal"],
  bindings = [
    (name = "ORIGIN", fromEnvironment = "ORIGIN"),
    # So that what a CF-Blob says of a client is all believed, as Cloudflare's word is.
    (name = "PLATFORM", text = "cloudflare"),
    # Where the dashboard's demo is played, if it can be.
    (name = "DEMO", fromEnvironment = "DEMO"),
    # Of .dev.vars.
    (name = "BLOBWATCH_TOKENS", fromEnvironment = "BLOBWATCH_TOKENS"),
    (name = "BLOBWATCH_CLIENT_SECRET", fromEnvironment = "BLOBWATCH_CLIENT_SECRET"),
    (name = "BLOBWATCH_HOST", fromEnvironment = "BLOBWATCH_HOST"),
    (name = "BLOBWATCH_ACCESS", fromEnvironment = "BLOBWATCH_ACCESS"),
    (name = "BLOBWATCH_OIDC", fromEnvironment = "BLOBWATCH_OIDC"),
    (name = "WEBHOOKS_MAY_REACH", fromEnvironment = "WEBHOOKS_MAY_REACH"),
    (name = "ASSETS", service = "dashboard"),
    (name = "RULE_BOOK", durableObjectNamespace = "RuleBook"),
    (name = "FIRE_LOG", durableObjectNamespace = "FireLog"),
    (name = "DETECTOR", durableObjectNamespace = "Detector"),
    (name = "PREVIEWS", durableObjectNamespace = "Previews"),
  ],
  # The keys name the folders of the data. `wrangler dev`, which served before, called them so.
  durableObjectNamespaces = [
    (className = "RuleBook", uniqueKey = "blobwatch-RuleBook", enableSql = true),
    (className = "FireLog", uniqueKey = "blobwatch-FireLog", enableSql = true),
    (className = "Detector", uniqueKey = "blobwatch-Detector", enableSql = true),
    (className = "Previews", uniqueKey = "blobwatch-Previews", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "data"),
);
