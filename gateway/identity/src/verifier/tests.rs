mod provider;

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openidconnect::PrivateSigningKey as _;
use openidconnect::core::{CoreHmacKey, CoreJwsSigningAlgorithm};
use serde_json::{Value, json};

use super::{IssuerConfig, PlainHttp, Refresh, Verifier};
use crate::issuer::{Claims, DevIssuer};
use crate::{Algorithm, Error, Fault, Identity};
use provider::{Key, Provider, unsigned};

/// A fixed now: tokens are made and verified around it.
const NOW: u64 = 1_900_000_000;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

/// A provider with one EC key "a", and a verifier that trusts it.
struct Setting {
    provider: Provider,
    verifier: Verifier,
    key: Key,
}

impl Setting {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    async fn with(change: impl FnOnce(&mut IssuerConfig)) -> Self {
        let key = Key::ec(1);
        let provider = Provider::start(vec![key.public(Some("a"))]).await;
        let mut config = config(&provider);
        change(&mut config);
        let verifier = Verifier::discover(config).await.unwrap();
        Self {
            provider,
            verifier,
            key,
        }
    }

    /// Claims that are good.
    fn claims(&self) -> Value {
        json!({
            "iss": self.provider.url, "aud": "sluice", "sub": "alice",
            "iat": NOW - 60, "exp": NOW + 60,
        })
    }

    /// The good claims with these in their place; null leaves one out.
    fn claims_with(&self, changes: Value) -> Value {
        let mut claims = self.claims();
        let map = claims.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            map.remove(name);
            if !value.is_null() {
                map.insert(name.clone(), value.clone());
            }
        }
        claims
    }

    async fn verify_claims(&self, changes: Value) -> Result<Identity, Error> {
        let header = json!({ "alg": "ES256", "kid": "a" });
        self.verify(&self.key.token(&header, &self.claims_with(changes)))
            .await
    }

    async fn verify_header(&self, header: Value) -> Result<Identity, Error> {
        self.verify(&self.key.token(&header, &self.claims())).await
    }

    async fn verify(&self, token: &str) -> Result<Identity, Error> {
        let result = self.verifier.verify(token, now()).await;
        if let Err(error) = &result {
            let said = format!("{error} {error:?}");
            let parts = token.split('.').filter(|part| part.len() > 20);
            parts.for_each(|part| assert!(!said.contains(part), "{said} repeats the token"));
        }
        result
    }
}

fn config(provider: &Provider) -> IssuerConfig {
    IssuerConfig::new(&provider.url, "sluice")
}

#[tokio::test]
async fn a_good_token_gives_the_identity() {
    let setting = Setting::new().await;
    let identity = setting
        .verify_claims(json!({
            "email": "alice@shop.example", "groups": ["analysts", "staff"], "team": "reports",
        }))
        .await
        .unwrap();
    assert_eq!(identity.subject, "alice");
    assert_eq!(identity.issuer, setting.provider.url);
    assert_eq!(identity.email.as_deref(), Some("alice@shop.example"));
    assert_eq!(identity.groups, ["analysts", "staff"]);
    assert_eq!(identity.claims["team"], "reports");
    assert_eq!(identity.actors, []);
    assert_eq!(identity.expires_at, now() + Duration::from_secs(60 + 30));
}

#[tokio::test]
async fn the_development_issuer_is_a_provider() {
    let provider = Provider::start(Vec::new()).await;
    let issuer = DevIssuer::new(&provider.url);
    let keys: Value = serde_json::from_str(&issuer.jwks_json()).unwrap();
    provider.published().keys = keys["keys"].as_array().unwrap().clone();
    let verifier = Verifier::discover(config(&provider)).await.unwrap();
    let claims = Claims::about("alice")
        .in_groups(["analysts"])
        .via("coder")
        .via("planner");
    let identity = verifier
        .verify(&issuer.issue(&claims, now()), now())
        .await
        .unwrap();
    assert_eq!(identity.to_string(), "alice (via coder, planner)");
    assert!(identity.is_in("analysts") && !identity.is_in("analyst"));
}

#[tokio::test]
async fn rsa_tokens_of_both_kinds_are_verified() {
    let key = Key::rsa("r");
    let provider = Provider::start(vec![key.public(None)]).await;
    let verifier = Verifier::discover(config(&provider)).await.unwrap();
    let claims = json!({ "iss": provider.url, "aud": "sluice", "sub": "alice", "exp": NOW + 60 });
    for algorithm in ["RS256", "PS256"] {
        let token = key.token(&json!({ "alg": algorithm, "kid": "r" }), &claims);
        verifier.verify(&token, now()).await.unwrap();
    }
    let token = key.token(&json!({ "alg": "RS512", "kid": "r" }), &claims);
    let error = verifier.verify(&token, now()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(r#"algorithm "RS512" is not allowed"#),
        "{error}"
    );

    // The classic confusion: the public key as the secret of an HMAC.
    let Key::Rsa(private) = &key else {
        panic!("an RSA key")
    };
    let public = serde_json::to_vec(&private.as_verification_key()).unwrap();
    let message = unsigned(&json!({ "alg": "HS256", "kid": "r" }), &claims);
    let mac = CoreHmacKey::new(public)
        .sign(&CoreJwsSigningAlgorithm::HmacSha256, message.as_bytes())
        .unwrap();
    let token = format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac));
    let error = verifier.verify(&token, now()).await.unwrap_err();
    assert!(matches!(error, Error::Algorithm { .. }), "{error}");
}

#[test]
fn none_and_hmac_cannot_be_configured() {
    for name in ["none", "None", "HS256", "HS384", "HS512", "", "rs256"] {
        assert!(name.parse::<Algorithm>().is_err(), "{name}");
    }
    assert_eq!("EdDSA".parse::<Algorithm>().unwrap(), Algorithm::EdDsa);
}

#[tokio::test]
async fn an_unsigned_token_is_refused() {
    let setting = Setting::new().await;
    for algorithm in ["none", "None", "nOnE", ""] {
        let header = json!({ "alg": algorithm, "kid": "a" });
        let message = unsigned(&header, &setting.claims());
        let error = setting.verify(&format!("{message}.")).await.unwrap_err();
        assert!(
            matches!(error, Error::Algorithm { .. }),
            "{algorithm}: {error}"
        );
    }
    let message = unsigned(&json!({ "alg": "ES256", "kid": "a" }), &setting.claims());
    let error = setting.verify(&format!("{message}.")).await.unwrap_err();
    assert!(matches!(error, Error::Signature), "{error}");
}

#[tokio::test]
async fn a_changed_token_is_refused() {
    let setting = Setting::new().await;
    let header = json!({ "alg": "ES256", "kid": "a" });
    let token = setting.key.token(&header, &setting.claims());
    let (_, signature) = token.rsplit_once('.').unwrap();
    let other = unsigned(&header, &setting.claims_with(json!({ "sub": "dora" })));
    let error = setting
        .verify(&format!("{other}.{signature}"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Signature), "{error}");
    assert_eq!(error.fault(), Fault::Token);

    let stranger = Key::ec(9).token(&header, &setting.claims());
    let error = setting.verify(&stranger).await.unwrap_err();
    assert!(matches!(error, Error::Signature), "{error}");
}

#[tokio::test]
async fn a_token_counts_from_its_start_to_its_end_with_leeway() {
    let setting = Setting::new().await;
    for good in [
        json!({ "exp": NOW - 29 }),
        json!({ "exp": NOW as f64 + 0.5 }),
        json!({ "nbf": NOW + 30 }),
        json!({ "iat": null }),
    ] {
        setting.verify_claims(good).await.unwrap();
    }
    let error = setting
        .verify_claims(json!({ "exp": NOW - 30 }))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "token expired at 2030-03-17T17:46:10Z");
    for future in [json!({ "nbf": NOW + 31 }), json!({ "iat": NOW + 31 })] {
        let error = setting.verify_claims(future).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "token is not valid before 2030-03-17T17:47:11Z"
        );
    }
}

#[tokio::test]
async fn a_token_for_others_is_refused() {
    let setting = Setting::new().await;
    let error = setting
        .verify_claims(json!({ "iss": "https://else.example" }))
        .await
        .unwrap_err();
    let expected = &setting.provider.url;
    assert_eq!(
        error.to_string(),
        format!("wrong issuer \"https://else.example\", expected {expected}")
    );
    let error = setting
        .verify_claims(json!({ "aud": ["web", "mail"] }))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "wrong audience \"web, mail\", expected sluice"
    );
    setting
        .verify_claims(json!({ "aud": ["web", "sluice"] }))
        .await
        .unwrap();
    let error = setting
        .verify_claims(json!({ "aud": [] }))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Audience { .. }), "{error}");
    let error = setting
        .verify_claims(json!({ "cnf": { "jkt": "x" } }))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)), "{error}");
}

#[tokio::test]
async fn claims_that_must_be_there_are_missed_by_name() {
    let setting = Setting::new().await;
    for name in ["iss", "aud", "exp", "sub"] {
        let error = setting
            .verify_claims(json!({ name: null }))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), format!("token has no {name:?} claim"));
    }
}

#[tokio::test]
async fn claims_of_the_wrong_shape_are_refused() {
    let setting = Setting::new().await;
    for bad in [
        json!({ "sub": 7 }),
        json!({ "sub": "" }),
        json!({ "sub": "alice\ndora" }),
        json!({ "aud": { "name": "sluice" } }),
        json!({ "aud": ["sluice", 7] }),
        json!({ "exp": "tomorrow" }),
        json!({ "exp": -5 }),
        json!({ "exp": 1e300 }),
        json!({ "exp": u64::MAX }),
        json!({ "email": ["alice@shop.example"] }),
        json!({ "groups": { "name": "dba" } }),
        json!({ "groups": ["dba", 7] }),
        json!({ "groups": ["db\u{0}a"] }),
        json!({ "act": "agent" }),
        json!({ "act": {} }),
        json!({ "act": { "sub": "" } }),
        json!({ "act": { "sub": "agent", "act": [] } }),
    ] {
        let error = setting.verify_claims(bad.clone()).await.unwrap_err();
        assert!(matches!(error, Error::Claim { .. }), "{bad}: {error}");
    }
}

#[tokio::test]
async fn groups_are_found_by_name_then_by_path() {
    let setting = Setting::with(|config| config.groups_claim = "realm.roles".to_owned()).await;
    for (claims, groups) in [
        (json!({ "realm": { "roles": ["dba"] } }), vec!["dba"]),
        (
            json!({ "realm.roles": ["exact"], "realm": { "roles": ["path"] } }),
            vec!["exact"],
        ),
        (json!({ "realm": { "roles": "dba" } }), vec!["dba"]),
        (json!({ "realm": {} }), vec![]),
        (json!({ "realm": "roles" }), vec![]),
        (json!({ "roles": ["dba"], "groups": ["dba"] }), vec![]),
    ] {
        let identity = setting.verify_claims(claims.clone()).await.unwrap();
        assert_eq!(identity.groups, groups, "{claims}");
    }
}

#[tokio::test]
async fn groups_that_the_provider_left_out_are_not_taken_for_none() {
    let setting = Setting::new().await;
    let elsewhere = json!({ "_claim_names": { "groups": "src1" } });
    let error = setting.verify_claims(elsewhere).await.unwrap_err();
    assert!(
        error.to_string().contains("left out by the provider"),
        "{error}"
    );
}

#[tokio::test]
async fn an_unverified_address_is_not_kept() {
    let setting = Setting::new().await;
    let claims = json!({ "email": "boss@shop.example", "email_verified": false });
    assert_eq!(setting.verify_claims(claims).await.unwrap().email, None);
}

#[tokio::test]
async fn actors_are_listed_from_the_current_one_and_bounded() {
    let setting = Setting::new().await;
    let chain = |length: usize| {
        (0..length).rev().fold(Value::Null, |inner, number| {
            let mut link = json!({ "sub": format!("agent-{number}") });
            if !inner.is_null() {
                link["act"] = inner;
            }
            link
        })
    };
    let identity = setting
        .verify_claims(json!({ "act": chain(8) }))
        .await
        .unwrap();
    assert_eq!(identity.actors.len(), 8);
    assert_eq!(identity.actor().unwrap().subject, "agent-0");
    let error = setting
        .verify_claims(json!({ "act": chain(9) }))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::ActorChain { most: 8 }), "{error}");
    let service = json!({ "act": { "client_id": "ci", "iss": "https://ci.example" } });
    let identity = setting.verify_claims(service).await.unwrap();
    assert_eq!(
        identity.actors[0].issuer.as_deref(),
        Some("https://ci.example")
    );
}

#[tokio::test]
async fn whoever_is_on_both_sides_is_found() {
    let setting = Setting::new().await;
    let alice = setting.verify_claims(json!({})).await.unwrap();
    let agent = setting
        .verify_claims(json!({ "act": { "sub": "bot" } }))
        .await
        .unwrap();
    let bot = setting
        .verify_claims(json!({ "sub": "bot" }))
        .await
        .unwrap();
    let dora = setting
        .verify_claims(json!({ "sub": "dora" }))
        .await
        .unwrap();
    assert!(alice.is_same_subject(&agent) && alice.shares_anyone_with(&agent));
    assert!(bot.shares_anyone_with(&agent) && !bot.is_same_subject(&agent));
    assert!(!dora.shares_anyone_with(&agent) && !alice.shares_anyone_with(&bot));
}

#[tokio::test]
async fn what_is_no_access_token_is_refused() {
    let setting = Setting::new().await;
    for kind in ["JWT", "jwt", "at+jwt", "application/at+JWT"] {
        let header = json!({ "alg": "ES256", "kid": "a", "typ": kind });
        setting.verify_header(header).await.unwrap();
    }
    for header in [
        json!({ "alg": "ES256", "kid": "a", "typ": "logout+jwt" }),
        json!({ "alg": "ES256", "kid": "a", "typ": "dpop+jwt" }),
        json!({ "alg": "ES256", "kid": "a", "crit": ["b64"], "b64": false }),
        json!({ "alg": "ES256", "kid": "a", "cty": "JWT" }),
    ] {
        let error = setting.verify_header(header.clone()).await.unwrap_err();
        assert!(matches!(error, Error::Unsupported(_)), "{header}: {error}");
    }
}

#[tokio::test]
async fn text_that_is_no_token_is_refused() {
    let setting = Setting::new().await;
    let good = setting
        .key
        .token(&json!({ "alg": "ES256" }), &setting.claims());
    for text in [
        "",
        ".",
        "..",
        "a.b",
        "hunter2",
        "a.b.c",
        "....",
        "e30.e30.e30",
        "W10.W10.W10",
    ] {
        let error = setting.verifier.verify(text, now()).await.unwrap_err();
        assert!(matches!(error, Error::NotJwt(_)), "{text}: {error}");
    }
    for text in [
        format!("{good}.x"),
        format!("{good}="),
        format!(" {good}"),
        format!("{good}\n"),
    ] {
        let error = setting.verify(&text).await.unwrap_err();
        assert!(matches!(error, Error::NotJwt(_)), "{error}");
    }
    let error = setting.verify(&"a".repeat(33_000)).await.unwrap_err();
    assert!(
        matches!(error, Error::TooLong { length: 33_000, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it() {
    let setting = Setting::new().await;
    let new = Key::ec(2);
    let token = new.token(&json!({ "alg": "ES256", "kid": "b" }), &setting.claims());
    setting.provider.published().keys = vec![new.public(Some("b"))];
    setting.verify(&token).await.unwrap();
    // The old one is withdrawn.
    let error = setting
        .verify_header(json!({ "alg": "ES256", "kid": "a" }))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown signing key \"a\": the identity provider does not publish it"
    );
}

#[tokio::test]
async fn a_new_key_without_a_name_is_found_too() {
    let setting = Setting::new().await;
    let new = Key::ec(2);
    let token = new.token(&json!({ "alg": "ES256" }), &setting.claims());
    setting.provider.published().keys = vec![Key::ec(3).public(None), new.public(None)];
    setting.verify(&token).await.unwrap();
}

#[tokio::test]
async fn unknown_keys_do_not_flood_the_provider() {
    let setting = Setting::new().await;
    for number in 0..20 {
        let header = json!({ "alg": "ES256", "kid": format!("guess-{number}") });
        let error = setting.verify_header(header).await.unwrap_err();
        assert!(matches!(error, Error::UnknownKey(_)), "{error}");
    }
    assert_eq!(setting.provider.published().key_fetches, 2);
}

#[tokio::test]
async fn keys_are_fetched_by_the_timer_until_the_verifier_is_gone() {
    let every = Duration::from_millis(20);
    let setting = Setting::with(|config| {
        config.refresh = Refresh {
            every,
            ..Refresh::default()
        }
    })
    .await;
    let withdrawn = Key::ec(2).public(Some("b"));
    setting.provider.published().keys = vec![withdrawn];
    while setting.provider.published().key_fetches < 3 {
        tokio::time::sleep(every).await;
    }
    let error = setting
        .verify_header(json!({ "alg": "ES256", "kid": "a" }))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::UnknownKey(_)), "{error}");
    drop(setting.verifier);
    tokio::time::sleep(every * 3).await;
    let fetches = setting.provider.published().key_fetches;
    tokio::time::sleep(every * 5).await;
    assert_eq!(setting.provider.published().key_fetches, fetches);
}

#[tokio::test]
async fn keys_outlive_an_outage_but_not_for_ever() {
    let every = Duration::from_millis(20);
    let max_age = Duration::from_millis(400);
    let refresh = Refresh {
        every,
        max_age,
        ..Refresh::default()
    };
    let setting = Setting::with(|config| config.refresh = refresh).await;
    setting.provider.published().up = false;
    tokio::time::sleep(every * 3).await;
    let good = json!({ "alg": "ES256", "kid": "a" });
    setting.verify_header(good.clone()).await.unwrap();
    tokio::time::sleep(max_age).await;
    let error = setting.verify_header(good.clone()).await.unwrap_err();
    assert!(matches!(error, Error::StaleKeys { .. }), "{error}");
    assert_eq!(error.fault(), Fault::Provider);
    setting.provider.published().up = true;
    tokio::time::sleep(every * 5).await;
    setting.verify_header(good).await.unwrap();
}

#[tokio::test]
async fn a_provider_that_is_none_is_found_out_at_once() {
    let discover = |change: fn(&Provider)| async move {
        let provider = Provider::start(vec![Key::ec(1).public(Some("a"))]).await;
        change(&provider);
        let error = Verifier::discover(config(&provider)).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Provider, "{error}");
        error.to_string()
    };
    let said = discover(|provider| provider.published().up = false).await;
    assert!(said.ends_with("answered 503 Service Unavailable"), "{said}");
    let said = discover(|provider| provider.published().keys.clear()).await;
    assert!(said.ends_with("publishes no key that we can use"), "{said}");
    let said = discover(|provider| provider.published().issuer.push('/')).await;
    assert!(said.contains("names another issuer"), "{said}");
    let plain = |provider: &Provider| {
        provider.published().jwks_uri = "http://keys.example/".to_owned();
    };
    let said = discover(plain).await;
    assert!(said.contains("must be https"), "{said}");
}

#[tokio::test]
async fn a_configuration_that_is_unsafe_is_refused() {
    let good = || IssuerConfig::new("https://login.example", "sluice");
    good().check().unwrap();
    let changes: [fn(&mut IssuerConfig); 8] = [
        |config| config.issuer = "http://login.example".to_owned(),
        |config| config.issuer = "http://127.0.0.1.login.example".to_owned(),
        |config| config.issuer = "ftp://127.0.0.1".to_owned(),
        |config| config.issuer = "https://user:secret@login.example".to_owned(),
        |config| config.issuer = "login.example".to_owned(),
        |config| config.audiences.clear(),
        |config| config.audiences.push(String::new()),
        |config| config.algorithms.clear(),
    ];
    for change in changes {
        let mut config = good();
        change(&mut config);
        let error = Verifier::discover(config).await.unwrap_err();
        assert!(matches!(error, Error::Configuration(_)), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    for loopback in ["http://localhost:1", "http://127.3.2.1", "http://[::1]:8"] {
        IssuerConfig {
            issuer: loopback.to_owned(),
            ..good()
        }
        .check()
        .unwrap();
    }
    let plain = "http://login.example".to_owned();
    IssuerConfig {
        issuer: plain,
        plain_http: PlainHttp::Anywhere,
        ..good()
    }
    .check()
    .unwrap();
}
