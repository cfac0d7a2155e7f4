//! The demo registry: a read-only OCI registry with one image, for `cargo xtask dev` without `--origin` and for
//! `cargo xtask demo`.
//! In scope: what clients need to pull, and ranges, conditional requests and HEAD as a real registry answers them.
//! Out of scope: pushing, authentication, several images.

mod answer;
mod image;
mod layer;

use crate::http;
use anyhow::{Context, Result};
use hyper::Request;
use hyper::body::Incoming;
use image::Image;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;

/// The image's name, which clients pull as `demo/hello:latest`.
pub(crate) const NAME: &str = "demo/hello";

/// The demo registry on a free port of the loopback interface.
pub(crate) struct Registry {
    listener: TcpListener,
    image: Arc<Image>,
    /// `scheme://host:port` to which blobs are redirected.
    storage: Option<Arc<str>>,
}

impl Registry {
    pub(crate) async fn bind() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("failed to find a free port for the demo registry")?;
        Ok(Self {
            listener,
            image: Arc::new(Image::build()?),
            storage: None,
        })
    }

    /// Redirects blobs to the paths of its storage at this host, where it serves them too.
    pub(crate) fn redirecting(self, storage: &str) -> Self {
        Self {
            storage: Some(storage.into()),
            ..self
        }
    }

    pub(crate) fn address(&self) -> Result<SocketAddr> {
        self.listener
            .local_addr()
            .context("failed to read the address of the demo registry")
    }

    /// Path and size of a layer just above 1 MiB.
    pub(crate) fn app_blob() -> Result<(String, u64)> {
        let layer = layer::app()?;
        let path = format!("/v2/{NAME}/blobs/{}", image::digest(&layer.blob));
        Ok((path, layer.blob.len() as u64))
    }

    /// Serves; it never ends.
    pub(crate) async fn serve(self) -> Infallible {
        let (image, storage) = (self.image, self.storage);
        let answer = move |request: Request<Incoming>| {
            let (image, storage) = (Arc::clone(&image), storage.clone());
            async move {
                let (method, path) = (request.method(), request.uri().path());
                answer::answer(&image, storage.as_deref(), method, path, request.headers()).map(http::whole)
            }
        };
        http::serve(self.listener, answer).await
    }
}
