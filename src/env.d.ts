// What the JavaScript of both planes is handed: the deployment's settings, and requests.

/** The vars, secrets and bindings of wrangler.toml that JavaScript reads; Rust reads the others. */
interface Env {
  readonly ORIGIN?: string;
  readonly PLATFORM?: string;
  readonly BLOBWATCH_TOKENS?: string;
  readonly BLOBWATCH_CLIENT_SECRET?: string;
  /** The host of the control plane, if it has one of its own: `blobwatch.example.com`, or with a port. */
  readonly BLOBWATCH_HOST?: string;
  /** "off" for the benchmark: what the data plane costs by itself. */
  readonly BLOBWATCH_FLUSH?: string;
  /** The objects' host, for a data plane that has no objects: none of the four namespaces is bound then. */
  readonly OBJECTS?: Fetcher;
  /** Known to the data planes and the objects' host. */
  readonly OBJECTS_SECRET?: string;
  /** "required": nobody connects to the port of the objects without a certificate of ours. */
  readonly OBJECTS_CERTIFICATES?: string;
  readonly FIRE_LOG: DurableObjectNamespace;
  readonly RULE_BOOK: DurableObjectNamespace;
  readonly DETECTOR: DurableObjectNamespace;
  readonly PREVIEWS: DurableObjectNamespace;
}

/**
 * What is read of `request.cf`. The platform's own type promises more: parts of it are absent on workerd and on some plans, and
 * `clientIp`, `ray` and `clientTcp` come from workerd only.
 */
interface Cf {
  readonly httpProtocol?: string;
  readonly clientIp?: string;
  readonly ray?: string;
  readonly colo?: string;
  readonly country?: string;
  readonly continent?: string;
  readonly asn?: number;
  readonly tlsVersion?: string;
  readonly tlsCipher?: string;
  readonly tlsClientCiphersSha1?: string;
  readonly tlsClientExtensionsSha1?: string;
  readonly tlsClientExtensionsSha1Le?: string;
  readonly tlsClientHelloLength?: string;
  readonly clientAcceptEncoding?: string;
  readonly clientTcp?: string;
  readonly clientTcpRtt?: number;
  readonly clientQuicRtt?: number;
  readonly edgeL4?: { readonly deliveryRate?: number };
  readonly botManagement?: {
    readonly ja3Hash?: string;
    readonly ja4?: string;
    readonly score?: number;
    readonly verifiedBot?: boolean;
    readonly staticResource?: boolean;
    readonly corporateProxy?: boolean;
    readonly jsDetection?: { readonly passed?: boolean };
  };
  readonly verifiedBotCategory?: string;
  /** What the operator keeps for a host of Cloudflare for SaaS. */
  readonly hostMetadata?: unknown;
  readonly tlsClientAuth?: {
    readonly certPresented?: string;
    readonly certVerified?: string;
    readonly certRevoked?: string;
    readonly certFingerprintSHA1?: string;
    readonly certFingerprintSHA256?: string;
    readonly certIssuerDN?: string;
    readonly certSerial?: string;
    readonly certSubjectDN?: string;
    readonly certIssuerDNLegacy?: string;
    readonly certIssuerDNRFC2253?: string;
    readonly certIssuerSerial?: string;
    readonly certIssuerSKI?: string;
    readonly certNotAfter?: string;
    readonly certNotBefore?: string;
    readonly certSKI?: string;
    readonly certSubjectDNLegacy?: string;
    readonly certSubjectDNRFC2253?: string;
    readonly certRFC9440?: string;
    readonly certRFC9440TooLarge?: boolean;
    readonly certChainRFC9440?: string;
    readonly certChainRFC9440TooLarge?: boolean;
  };
  readonly city?: string;
  readonly latitude?: string;
  readonly longitude?: string;
  readonly metroCode?: string;
  readonly postalCode?: string;
  readonly region?: string;
  readonly regionCode?: string;
  readonly timezone?: string;
  readonly isEUCountry?: string;
}

/** A request as the platform hands it over. */
type ClientRequest = Request<unknown, IncomingRequestCfProperties>;
