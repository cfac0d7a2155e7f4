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
}

impl Registry {
    pub(crate) async fn bind() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("failed to find a free port for the demo registry")?;
        Ok(Self {
            listener,
            image: Arc::new(Image::build()?),
        })
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
        let image = self.image;
        let answer = move |request: Request<Incoming>| {
            let image = Arc::clone(&image);
            async move {
                answer::answer(&image, request.method(), request.uri().path(), request.headers())
                    .map(http::whole)
            }
        };
        http::serve(self.listener, answer).await
    }
}
