//! The demo registry: a read-only OCI registry with one image, for `cargo xtask dev` without `--origin` and for
//! `cargo xtask demo`.
//! In scope: what clients need to pull, and ranges, conditional requests and HEAD as a real registry answers them.
//! Out of scope: pushing, authentication, several images.

mod answer;
mod image;
mod layer;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Response, Uri};
use image::Image;
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

    /// Serves until the listener fails.
    pub(crate) async fn serve(self) -> std::io::Result<()> {
        let image = self.image;
        let handler = move |method: Method, uri: Uri, headers: HeaderMap| {
            let image = Arc::clone(&image);
            async move { respond(&image, &method, &uri, &headers) }
        };
        axum::serve(self.listener, Router::new().fallback(handler)).await
    }
}

fn respond(image: &Image, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response<Body> {
    answer::answer(image, method, uri.path(), headers).map(Body::from)
}
