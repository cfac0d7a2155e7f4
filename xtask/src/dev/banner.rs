//! What a person needs to know once the worker is up.

use crate::registry;
use std::fmt::{Display, Formatter};

pub(super) struct Banner<'a> {
    pub(super) port: u16,
    pub(super) origin: &'a str,
    pub(super) demo: bool,
    pub(super) token: &'a str,
}

impl Display for Banner<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self {
            port,
            origin,
            demo,
            token,
        } = self;
        let (what, image) = if *demo {
            (" (built-in demo registry)", registry::NAME)
        } else {
            ("", "NAME")
        };
        write!(
            f,
            "
Blobwatch is up; Ctrl-C ends it.

  registry  127.0.0.1:{port}
  origin    {origin}{what}
  dashboard http://127.0.0.1:{port}/_blobwatch/  (sign in with the token)
  API       http://127.0.0.1:{port}/_blobwatch/api/v1/
  token     {token}  (admin; in .dev.vars)

Pull an image through it:
  skopeo copy --src-tls-verify=false docker://127.0.0.1:{port}/{image}:latest dir:out

See who asked for what:
  curl -H 'Authorization: Bearer {token}' 'http://127.0.0.1:{port}/_blobwatch/api/v1/requests?limit=5'
"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Banner;

    #[test]
    fn the_example_query_works_as_pasted() {
        let text = Banner {
            port: 9,
            origin: "http://o",
            demo: true,
            token: "t",
        }
        .to_string();
        let query = text.lines().find(|line| line.contains("curl")).unwrap().trim();
        assert_eq!(
            query,
            "curl -H 'Authorization: Bearer t' 'http://127.0.0.1:9/_blobwatch/api/v1/requests?limit=5'"
        );
    }
}
