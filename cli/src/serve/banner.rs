//! What a person needs to know once the worker is up.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;

use blobwatch_host::Origin;

use super::front::Front;
use super::objects::Address;
use crate::data_folder::DataFolder;

pub(super) struct Banner {
    registry: String,
    url: String,
    origin: Option<String>,
    data: PathBuf,
    objects: Option<String>,
    token: String,
}

impl Banner {
    pub(super) fn new(
        front: &Front,
        origin: Option<&Origin>,
        data: &DataFolder,
        elsewhere: Option<&Address>,
        token: Option<String>,
    ) -> Self {
        let here = |address| format!("{address}  (for data planes of other hosts)");
        let there = |address| format!("{address}  (records, rules and the dashboard are there)");
        Self {
            registry: front.listens().to_string(),
            url: format!("{}://{}/_blobwatch/", front.scheme(), front.reached()),
            origin: origin.map(Origin::to_string),
            data: data.path().to_owned(),
            objects: elsewhere.map(there).or_else(|| front.objects().map(here)),
            token: match token {
                Some(token) => format!("{token}  (admin; shown this once, and kept nowhere)"),
                None if elsewhere.is_some() => "that of the objects' host".to_owned(),
                None => {
                    let data = data.path().display();
                    format!("made before; `blobwatch token NAME --role admin --data {data}` makes another")
                }
            },
        }
    }
}

impl Display for Banner {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self {
            registry,
            url,
            data,
            token,
            ..
        } = self;
        let origin = self.origin.as_deref().unwrap_or("that of each route");
        let data = data.display();
        let objects = self.objects.iter();
        let objects: String = objects
            .map(|objects| format!("  objects   {objects}\n"))
            .collect();
        writeln!(
            f,
            "
Blobwatch is up.

  registry  {registry}
  origin    {origin}
  dashboard {url}  (sign in with the token)
  API       {url}api/v1/
  data      {data}
{objects}  token     {token}
"
        )
    }
}
