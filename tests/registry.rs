//! Modules come from a registry by their digests, once, and are files from then on.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use policy::Digest;
use sluice::config::Config;
use sluice::gateway::load_policies;
use sluice_tests::gateway::Place;
use sluice_tests::modules::{Hook, Misdeed, misbehaving};
use sluice_tests::{Gateway, Person, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// A registry of a few files, which wants a token for each. It has a thread of its own: who loads
/// policies waits for it.
struct Registry {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Registry {
    /// Serves these paths.
    fn start(files: HashMap<String, Vec<u8>>) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = serve(listener, address, Arc::new(files), count) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address,
            asked,
            stop,
            thread,
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// Goes away.
    fn stop(self) {
        drop(self.stop);
        self.thread.join().unwrap();
    }
}

async fn serve(
    listener: TcpListener,
    address: SocketAddr,
    files: Arc<HashMap<String, Vec<u8>>>,
    count: Arc<AtomicUsize>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        count.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(answer(stream, address, Arc::clone(&files)));
    }
}

async fn answer(mut stream: TcpStream, address: SocketAddr, files: Arc<HashMap<String, Vec<u8>>>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    let request = String::from_utf8(request).unwrap();
    let path = request.split(' ').nth(1).unwrap();
    let may = request
        .to_ascii_lowercase()
        .contains("authorization: bearer let-me-in");
    let realm = format!("Bearer realm=\"http://{address}/token\",service=\"test\",scope=\"pull\"");
    let (status, header, body) = match files.get(path) {
        _ if path == "/token?service=test&scope=pull" => (
            "200 OK",
            String::new(),
            br#"{"token": "let-me-in"}"#.to_vec(),
        ),
        _ if !may => (
            "401 Unauthorized",
            format!("WWW-Authenticate: {realm}\r\n"),
            Vec::new(),
        ),
        Some(body) => ("200 OK", String::new(), body.clone()),
        None => ("404 Not Found", String::new(), Vec::new()),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\n{header}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&body).await;
}

/// What a registry has of a module, with the digest of its manifest.
fn image(module: &[u8], served: &[u8]) -> (String, HashMap<String, Vec<u8>>) {
    let digest = Digest::of(module);
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": { "mediaType": "application/vnd.wasm.config.v0+json" },
        "layers": [{
            "mediaType": "application/wasm",
            "digest": format!("sha256:{digest}"),
            "size": module.len(),
        }],
    });
    let manifest = manifest.to_string().into_bytes();
    let name = Digest::of(&manifest).to_string();
    let files = HashMap::from([
        (format!("/v2/team/guard/manifests/sha256:{name}"), manifest),
        (
            format!("/v2/team/guard/blobs/sha256:{digest}"),
            served.to_vec(),
        ),
    ]);
    (name, files)
}

fn from_registry(text: String, reference: &str) -> String {
    text.replace(
        "module = \"policies/guard.wasm\"",
        &format!("module = \"{reference}\""),
    )
}

#[tokio::test]
async fn a_module_is_pulled_once_and_then_needs_no_registry() {
    let module = misbehaving(Hook::Decide, Misdeed::None);
    let (digest, files) = image(&module, &module);
    let registry = Registry::start(files);
    let reference = format!("oci://{}/team/guard@sha256:{digest}", registry.address);
    let gateway = Gateway::start().await;
    let generation = gateway.generation().await;
    gateway.place().edit(|text| from_registry(text, &reference));
    eventually("the module of the registry takes effect", || async {
        gateway.generation().await > generation
    })
    .await;
    let policies = gateway.policies().await;
    let found = policies["policies"][1]["digest"].as_str().unwrap();
    assert_eq!(found, Digest::of(&module).to_string());
    let asked = registry.asked();
    assert!(asked >= 3, "manifest, token, blob: {asked}");

    registry.stop();
    let gateway = Gateway::within(gateway.stop().await).await;
    let client = gateway.connect(Person::Alice).await;
    client
        .simple_query("SELECT 1")
        .await
        .expect("it starts without the registry");

    // A copy that somebody changed is none: it is pulled again, which cannot be done.
    let place = gateway.stop().await;
    let kept = place.folder().join(format!("modules/sha256-{digest}.wasm"));
    std::fs::write(kept, misbehaving(Hook::Decide, Misdeed::Trap)).unwrap();
    let said = refused(&place);
    assert!(
        said.contains("cannot be reached") && said.contains("has no copy"),
        "{said}"
    );
}

/// Why the policies of a place do not load.
fn refused(place: &Place) -> String {
    let config = Config::read(&place.file()).unwrap_or_else(|error| panic!("{error}"));
    load_policies(&config)
        .expect_err("it is refused")
        .to_string()
}

#[tokio::test]
async fn what_the_digest_does_not_name_is_refused() {
    let place = Place::new().await;
    let module = misbehaving(Hook::Decide, Misdeed::None);
    let (digest, files) = image(&module, b"something else");
    let registry = Registry::start(files);
    let reference = format!("oci://{}/team/guard@sha256:{digest}", registry.address);
    let text = std::fs::read_to_string(place.file()).unwrap();
    place.edit(|text| from_registry(text, &reference));
    let said = refused(&place);
    assert!(
        said.contains("policy guard") && said.contains("other bytes"),
        "{said}"
    );
    assert!(!place.folder().join("modules").exists(), "nothing is kept");

    let unknown = format!(
        "oci://{}/team/guard@sha256:{}",
        registry.address,
        "0".repeat(64)
    );
    place.edit(|_| from_registry(text.clone(), &unknown));
    let said = refused(&place);
    assert!(said.contains("404"), "{said}");

    let tag = format!("oci://{}/team/guard:latest", registry.address);
    place.edit(|_| from_registry(text, &tag));
    let error = Config::read(&place.file()).unwrap_err().to_string();
    assert!(error.contains("what a tag means can change"), "{error}");
    assert!(error.contains("policies.guard.module"), "{error}");
}
