//! What a person needs to know once the worker is up.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;

use blobwatch_host::Origin;

use super::front::Front;
use crate::data_folder::DataFolder;

pub(super) struct Banner {
    registry: String,
    url: String,
    origin: Option<String>,
    data: PathBuf,
    token: Option<String>,
}

impl Banner {
    pub(super) fn new(
        front: &Front,
        origin: Option<&Origin>,
        data: &DataFolder,
        token: Option<String>,
    ) -> Self {
        Self {
            registry: front.listens().to_string(),
            url: format!("{}://{}/_blobwatch/", front.scheme(), front.reached()),
            origin: origin.map(Origin::to_string),
            data: data.path().to_owned(),
            token,
        }
    }
}

impl Display for Banner {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self {
            registry, url, data, ..
        } = self;
        let origin = self.origin.as_deref().unwrap_or("that of each route");
        let data = data.display();
        let token = match &self.token {
            Some(token) => format!("{token}  (admin; shown this once, and kept nowhere)"),
            None => {
                format!("made before; `blobwatch token NAME --role admin --data {data}` makes another")
            }
        };
        writeln!(
            f,
            "
Blobwatch is up.

  registry  {registry}
  origin    {origin}
  dashboard {url}  (sign in with the token)
  API       {url}api/v1/
  data      {data}
  token     {token}
"
        )
    }
}
