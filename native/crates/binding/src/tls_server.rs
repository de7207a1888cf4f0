use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::bindgen_prelude::{AsyncTask, Uint8Array, Uint8ArraySlice};
use napi::{Env, ScopedTask};
use napi_derive::napi;
use tls::{
    ClientCertificate, Established, Failure, FailureKind, ServerSession, ServerSettings, ServerTls,
    Step,
};

use crate::error::{Result, invalid, unsupported};

#[napi(object, use_nullable = true)]
pub struct TlsServerOptions {
    pub ca: Vec<Uint8Array>,
    pub chain: Vec<Uint8Array>,
    pub key: Uint8Array,
    pub crls: Vec<Uint8Array>,
    pub tls12: bool,
    pub tls13: bool,
    pub cipher_list: Option<String>,
    pub cipher_suites: Option<String>,
    pub groups: Option<String>,
    pub client_certificate: String,
}

#[napi]
pub struct TlsServer(ServerTls);

#[napi]
impl TlsServer {
    #[napi(constructor)]
    pub fn new(options: TlsServerOptions) -> Result<Self> {
        let client_certificate = match options.client_certificate.as_str() {
            "require" => ClientCertificate::Required,
            "optional" => ClientCertificate::Optional,
            "none" => ClientCertificate::None,
            other => {
                return Err(invalid(format!(
                    "use '{other}' as a client certificate policy"
                )));
            }
        };
        let settings = ServerSettings {
            ca: to_vecs(&options.ca),
            chain: to_vecs(&options.chain),
            key: options.key.to_vec(),
            crls: to_vecs(&options.crls),
            tls12: options.tls12,
            tls13: options.tls13,
            cipher_list: options.cipher_list,
            cipher_suites: options.cipher_suites,
            groups: options.groups,
            client_certificate,
        };
        ServerTls::new(settings)
            .map(Self)
            .map_err(|what| unsupported(what.to_string()))
    }

    #[napi]
    pub fn open(&self) -> Result<TlsServerSession> {
        let session = ServerSession::new(&self.0)
            .map_err(|error| invalid(format!("open a TLS session: {error}")))?;
        Ok(TlsServerSession(Arc::new(Mutex::new(Some(session)))))
    }

    #[napi(getter)]
    pub fn signs_slowly(&self) -> bool {
        self.0.signs_slowly()
    }
}

#[napi]
pub struct TlsServerSession(Arc<Mutex<Option<ServerSession>>>);

/// A session in the hands of a snapshot, and how far it was then.
pub struct KeptTls {
    session: Arc<Mutex<Option<ServerSession>>>,
    steps: u32,
}

impl KeptTls {
    /// None for a session that is freed. No step of it may be computed.
    pub fn of(TlsServerSession(session): &TlsServerSession) -> Option<KeptTls> {
        let steps = lock(session).as_ref()?.steps();
        let session = Arc::clone(session);
        Some(KeptTls { session, steps })
    }

    /// None where it has come further or ended: what it said then has reached nobody.
    pub fn resume(&self) -> Option<TlsServerSession> {
        let session = lock(&self.session);
        let as_it_was = |one: &ServerSession| one.steps() == self.steps && !one.has_ended();
        session.as_ref().filter(|one| as_it_was(one))?;
        Some(TlsServerSession(Arc::clone(&self.session)))
    }
}

/// A step on a thread of Node's pool.
pub struct LaterStep {
    session: Arc<Mutex<Option<ServerSession>>>,
    bytes: Vec<u8>,
}

impl<'task> ScopedTask<'task> for LaterStep {
    type Output = Step;
    type JsValue = TlsStep<'task>;

    fn compute(&mut self) -> napi::Result<Step> {
        Ok(feed(&self.session, &self.bytes))
    }

    fn resolve(&mut self, env: &'task Env, step: Step) -> napi::Result<TlsStep<'task>> {
        show_step(env, step)
    }
}

#[napi(object, object_from_js = false, use_nullable = true)]
pub struct TlsStep<'env> {
    pub ciphertext: Uint8ArraySlice<'env>,
    pub established: Option<TlsEstablished<'env>>,
    pub plaintexts: Vec<Uint8ArraySlice<'env>>,
    pub failure: Option<TlsFailure>,
}

#[napi(object, object_from_js = false)]
pub struct TlsEstablished<'env> {
    pub version: &'static str,
    pub cipher: &'static str,
    pub certificates: Vec<Uint8ArraySlice<'env>>,
}

#[napi(object, object_from_js = false)]
pub struct TlsFailure {
    pub kind: &'static str,
    pub reason: String,
}

#[napi]
impl TlsServerSession {
    #[napi]
    pub fn feed<'env>(&self, env: &'env Env, bytes: &[u8]) -> napi::Result<TlsStep<'env>> {
        show_step(env, feed(&self.0, bytes))
    }

    #[napi]
    pub fn feed_later(&self, bytes: &[u8]) -> AsyncTask<LaterStep> {
        AsyncTask::new(LaterStep {
            session: Arc::clone(&self.0),
            bytes: bytes.to_vec(),
        })
    }

    #[napi]
    pub fn send<'env>(
        &self,
        env: &'env Env,
        plaintext: &[u8],
    ) -> napi::Result<Uint8ArraySlice<'env>> {
        let ciphertext = lock(&self.0)
            .as_mut()
            .map(|session| session.send(plaintext));
        Uint8ArraySlice::copy_from(env, ciphertext.unwrap_or_default())
    }

    #[napi]
    pub fn export_keying_material(&self, label: String, length: u32) -> Option<Uint8Array> {
        let session = lock(&self.0);
        let material = session
            .as_ref()?
            .export_keying_material(&label, length as usize);
        material.map(Uint8Array::new)
    }

    #[napi]
    pub fn close<'env>(&self, env: &'env Env) -> napi::Result<Uint8ArraySlice<'env>> {
        let ciphertext = lock(&self.0).as_mut().map(ServerSession::close);
        Uint8ArraySlice::copy_from(env, ciphertext.unwrap_or_default())
    }

    /// Whether its handshake is done.
    #[napi(getter)]
    pub fn established(&self) -> bool {
        lock(&self.0)
            .as_ref()
            .is_some_and(ServerSession::is_established)
    }

    #[napi]
    pub fn free(&self) {
        *lock(&self.0) = None;
    }
}

fn feed(session: &Mutex<Option<ServerSession>>, bytes: &[u8]) -> Step {
    let mut session = lock(session);
    session
        .as_mut()
        .map(|session| session.feed(bytes))
        .unwrap_or_default()
}

fn lock(session: &Mutex<Option<ServerSession>>) -> MutexGuard<'_, Option<ServerSession>> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

fn show_step(env: &Env, step: Step) -> napi::Result<TlsStep<'_>> {
    Ok(TlsStep {
        ciphertext: Uint8ArraySlice::copy_from(env, step.ciphertext)?,
        established: step
            .established
            .map(|established| show_established(env, established))
            .transpose()?,
        plaintexts: show_all(env, step.plaintexts)?,
        failure: step.failure.map(show_failure),
    })
}

fn show_established(env: &Env, established: Established) -> napi::Result<TlsEstablished<'_>> {
    Ok(TlsEstablished {
        version: established.version,
        cipher: established.cipher,
        certificates: show_all(env, established.certificates)?,
    })
}

fn show_failure(failure: Failure) -> TlsFailure {
    let kind = match failure.kind {
        FailureKind::Certificate => "certificate",
        FailureKind::Unjudged => "unjudged",
        FailureKind::Incompatible => "incompatible",
        FailureKind::Other => "other",
    };
    TlsFailure {
        kind,
        reason: failure.reason,
    }
}

fn show_all(env: &Env, texts: Vec<Vec<u8>>) -> napi::Result<Vec<Uint8ArraySlice<'_>>> {
    texts
        .into_iter()
        .map(|bytes| Uint8ArraySlice::copy_from(env, bytes))
        .collect()
}

fn to_vecs(arrays: &[Uint8Array]) -> Vec<Vec<u8>> {
    arrays.iter().map(|array| array.to_vec()).collect()
}
