//! Requests of a log, the same in every run.

/// Of everything that is drawn.
pub(super) const SEED: u64 = 20_200_705;

/// 2020-07-05T08:00:00Z.
pub(super) const BEGIN_S: u64 = 1_593_936_000;

/// How long before the end downloads of Amazon Linux begin to hang.
const FAULT_S: u64 = 1800;

const CLIENTS: u64 = 20_000;
const BLOBS: u64 = 5_000;

const KERNELS: [&str; 5] = [
    "4.14.181-140.257.amzn2.x86_64",
    "4.18.0-513.9.1.el8_9.x86_64",
    "6.10.14-linuxkit",
    "6.8.0-45-generic",
    "5.15.0-1053-azure",
];

/// Bytes of blobs: a quarter is above 1 MiB, as in a public registry's trace (docs/detection.md).
const SIZES: [u64; 8] = [
    180, 1_100, 11_500, 60_000, 200_000, 628_000, 3_300_000, 33_000_000,
];

/// Bytes of a manifest.
const MANIFEST: u64 = 1638;

/// One request, whatever form it is written in.
pub(super) struct Request {
    /// Seconds since the log begins.
    pub(super) second: u64,
    pub(super) client: u64,
    pub(super) kernel: &'static str,
    /// None for a manifest.
    pub(super) blob: Option<u64>,
    pub(super) size: u64,
    /// The first byte, where a part was asked for.
    pub(super) start: Option<u64>,
}

impl Request {
    pub(super) fn address(&self) -> String {
        let client = self.client;
        format!("10.{}.{}.{}", client / 4096, client / 16 % 256, client % 251)
    }

    pub(super) fn path(&self) -> String {
        match self.blob {
            Some(blob) => format!(
                "/v2/library/app{}/blobs/sha256:{:064x}",
                blob % 97,
                u128::from(blob).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
            ),
            None => format!("/v2/library/app{}/manifests/latest", self.client % 97),
        }
    }

    pub(super) fn agent(&self) -> String {
        format!(
            "docker/19.03.12 go/go1.13.10 git-commit/48a66213fe kernel/{} os/linux arch/amd64 \
             UpstreamClient(Docker-Client/19.03.12 \\(linux\\))",
            self.kernel
        )
    }

    pub(super) fn status(&self) -> u16 {
        if self.start.is_some() { 206 } else { 200 }
    }

    /// Bytes of the body.
    pub(super) fn sent(&self) -> u64 {
        self.size - self.start.unwrap_or_default()
    }
}

/// So many requests of so many seconds, which end on the day on which they begin.
pub(super) fn requests(lines: u64, seconds: u64) -> impl Iterator<Item = Request> {
    let mut random = fastrand::Rng::with_seed(SEED);
    (0..lines).map(move |at| {
        let second = at * seconds / lines;
        let client = skewed(&mut random, CLIENTS);
        let kernel = pick(&KERNELS, client);
        let mut request = Request {
            second,
            client,
            kernel,
            blob: None,
            size: MANIFEST,
            start: None,
        };
        if random.u8(..5) == 0 {
            return request;
        }
        let blob = skewed(&mut random, BLOBS);
        let size = pick(&SIZES, blob) + blob;
        let is_hit = second + FAULT_S >= seconds && kernel.contains("amzn") && size > 1 << 20;
        let is_resume = size > 1 << 20 && random.u32(..if is_hit { 3 } else { 300 }) == 0;
        request.blob = Some(blob);
        request.size = size;
        request.start = is_resume.then(|| random.u64(1..size));
        request
    })
}

/// A few are drawn often, most seldom.
fn skewed(random: &mut fastrand::Rng, below: u64) -> u64 {
    let uniform = random.f64();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small numbers that are not negative"
    )]
    let drawn = (below as f64 * uniform * uniform) as u64;
    drawn.min(below - 1)
}

fn pick<T: Copy + Default>(from: &[T], at: u64) -> T {
    let index = usize::try_from(at).unwrap_or_default() % from.len().max(1);
    from.get(index).copied().unwrap_or_default()
}
