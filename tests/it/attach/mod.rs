//! What `attach` promises of calls to Fleet Engine, held by each of its three faces against the emulated one.

mod client;
mod edges;
mod grpc;

use fleet_token::attach::{AttachError, GrpcTokenLayer, HttpTokenLayer, OriginError, TokenMiddleware};
use fleet_token::{AuthTokenContext, AuthTokenFactory, SessionHeaders, TokenErrorKind};
use fleet_token_backend::engine::{Vehicle, VehicleState};
use fleet_token_backend::{Fault, Role, World};

use self::client::{Client, Face, Seen};
use crate::end_to_end::{SESSION, builder, vehicle, world};

/// A world with two vehicles, of which the session's user drives one.
async fn fleet() -> World {
    let world = world().await;
    for id in ["v1", "v2"] {
        let online = Vehicle { vehicle_state: VehicleState::Online, ..Vehicle::default() };
        world.engine().state().put_vehicle(id, online);
    }
    world
}

fn factory(world: &World) -> AuthTokenFactory {
    builder(world).build().unwrap()
}

/// What the backend was asked for.
fn fetches(world: &World) -> u64 {
    let requests = world.stats().requests;
    requests.iter().filter(|(route, _)| route.contains("/token/")).map(|(_, times)| times).sum()
}

/// What Fleet Engine was asked.
fn calls(world: &World) -> u64 {
    let requests = world.stats().requests;
    requests.iter().filter(|(route, _)| !route.contains("/token/")).map(|(_, times)| times).sum()
}

#[tokio::test]
async fn a_call_gets_the_token_of_its_context_and_one_without_gets_none() {
    for face in Face::ALL {
        let world = fleet().await;
        let client = Client::new(face, factory(&world), &world).await;
        for _ in 0..3 {
            assert_eq!(client.get("v1", Some(vehicle())).await, Seen::Vehicle, "{face:?}");
        }
        assert_eq!((fetches(&world), calls(&world)), (1, 3), "{face:?}");
        assert_eq!(client.get("v1", None).await, Seen::Unauthenticated, "{face:?}");
        assert_eq!(world.stats().refused_for("no_token"), 1, "{face:?}");
        assert_eq!(fetches(&world), 1, "{face:?}: nothing to replace");
    }
}

#[tokio::test]
async fn a_token_whose_key_is_revoked_is_replaced_behind_the_caller_s_back() {
    for face in Face::ALL {
        let world = fleet().await;
        let factory = factory(&world);
        let client = Client::new(face, factory.clone(), &world).await;
        let old = factory.token(&vehicle()).await.unwrap();
        world.engine().rotate_role(Role::DriverSdkUser);
        assert_eq!(client.get("v1", Some(vehicle())).await, Seen::Vehicle, "{face:?}");
        assert_eq!((fetches(&world), calls(&world), factory.stats().rejections), (2, 2, 1), "{face:?}");
        assert!(!factory.invalidate(&vehicle(), &old), "{face:?}: it is not current");
    }
}

#[tokio::test]
async fn tokens_are_rotated_while_calls_are_in_flight() {
    for face in Face::ALL {
        let world = fleet().await;
        let client = Client::new(face, factory(&world), &world).await;
        assert_eq!(client.get("v1", Some(vehicle())).await, Seen::Vehicle);
        for rotation in 1..=3 {
            world.engine().rotate_role(Role::DriverSdkUser);
            let under_way: Vec<_> = (0..16)
                .map(|_| {
                    let client = client.clone();
                    tokio::spawn(async move { client.get("v1", Some(vehicle())).await })
                })
                .collect();
            for call in under_way {
                assert_eq!(call.await.unwrap(), Seen::Vehicle, "{face:?}, rotation {rotation}");
            }
            assert_eq!(fetches(&world), 1 + rotation, "{face:?}");
        }
    }
}

#[tokio::test]
async fn two_calls_that_are_refused_with_one_token_cause_one_fetch() {
    for face in Face::ALL {
        let world = fleet().await;
        let factory = factory(&world);
        let client = Client::new(face, factory.clone(), &world).await;
        factory.token(&vehicle()).await.unwrap();
        world.engine().rotate_role(Role::DriverSdkUser);
        let call = || client.get("v1", Some(vehicle()));
        let (one, other) = tokio::join!(call(), call());
        assert_eq!((one, other), (Seen::Vehicle, Seen::Vehicle), "{face:?}");
        let refused = world.stats().refused_total();
        assert_eq!((fetches(&world), refused), (2, 2), "{face:?}: {:?}", world.stats());
    }
}

#[tokio::test]
async fn a_second_refusal_is_the_caller_s() {
    for face in Face::ALL {
        let world = fleet().await;
        let client = Client::new(face, factory(&world), &world).await;
        assert_eq!(client.get("v1", Some(vehicle())).await, Seen::Vehicle);
        for _ in 0..2 {
            // Both the one that is cached and the one that replaces it.
            world.faults().push(face.get_path(), Fault::status(401));
        }
        // A backend signs the same claims to the same token within one second: let the next one be another.
        world.engine().rotate_role(Role::DriverSdkUser);
        assert_eq!(client.get("v1", Some(vehicle())).await, Seen::Unauthenticated, "{face:?}");
        assert_eq!((fetches(&world), calls(&world)), (2, 3), "{face:?}");
    }
}

#[tokio::test]
async fn what_is_forbidden_is_not_asked_again() {
    for face in Face::ALL {
        let world = fleet().await;
        let factory = factory(&world);
        let client = Client::new(face, factory.clone(), &world).await;
        assert_eq!(client.get("v2", Some(vehicle())).await, Seen::Denied, "{face:?}");
        assert_eq!((fetches(&world), calls(&world), factory.stats().rejections), (1, 1, 0), "{face:?}");
    }
}

#[tokio::test]
async fn no_other_origin_sees_a_token() {
    for face in Face::ALL {
        let (world, elsewhere) = (fleet().await, fleet().await);
        let factory = factory(&world);
        let client = Client::new(face, factory, &world).await.aimed_at(&elsewhere);
        let Seen::Attach(AttachError::OriginNotAllowed { origin }) = client.get("v1", Some(vehicle())).await else {
            panic!("{face:?}: sent")
        };
        assert_eq!(origin, elsewhere.engine_url(), "{face:?}");
        assert_eq!((fetches(&world), calls(&world), calls(&elsewhere)), (0, 0, 0), "{face:?}");
        // The other way of going there, which for tonic is still the channel's.
        assert_eq!(client.get("v1", None).await, Seen::Unauthenticated, "{face:?}");
        let seen = if face == Face::Grpc { &world } else { &elsewhere };
        assert_eq!(seen.stats().refused_for("no_token"), 1, "{face:?}");
    }
}

#[tokio::test]
async fn only_safe_origins_can_be_named() {
    let world = fleet().await;
    let factory = || factory(&world);
    for (text, named) in [("http://fleet.example", true), ("https://SECRET-SESSION-7@fleet.example", false)] {
        let uri = text.parse().unwrap();
        for error in [
            HttpTokenLayer::for_origins(factory(), [text]).unwrap_err(),
            GrpcTokenLayer::new(factory(), &uri).unwrap_err(),
            TokenMiddleware::for_origins(factory(), [text]).unwrap_err(),
        ] {
            assert_eq!(matches!(&error, OriginError::NotSecure { origin } if origin == text), named, "{error}");
            assert!(!format!("{error} {error:?}").contains("SECRET-SESSION"));
        }
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_and_the_caller_learns_why() {
    for face in Face::ALL {
        let world = fleet().await;
        let stranger = builder(&world).header_provider(SessionHeaders::bearer("SECRET-SESSION-8").unwrap());
        let client = Client::new(face, stranger.build().unwrap(), &world).await;
        let Seen::Attach(error) = client.get("v1", Some(vehicle())).await else { panic!("{face:?}: sent") };
        let AttachError::NoToken(cause) = &error else { panic!("{face:?}: {error}") };
        assert_eq!(cause.kind(), TokenErrorKind::SessionRejected, "{face:?}");
        assert!(!format!("{error} {error:?}").contains("SECRET-SESSION"));
        let bad = client.get("v1", Some(AuthTokenContext::vehicle("a/b"))).await;
        let Seen::Attach(AttachError::NoToken(cause)) = bad else { panic!("{face:?}: {bad:?}") };
        assert_eq!(cause.kind(), TokenErrorKind::InvalidContext, "{face:?}");
        assert_eq!(calls(&world), 0, "{face:?}");
    }
}

#[tokio::test]
async fn the_backend_s_refusal_of_a_second_token_reaches_the_caller() {
    for face in Face::ALL {
        let world = fleet().await;
        let client = Client::new(face, factory(&world), &world).await;
        assert_eq!(client.get("v1", Some(vehicle())).await, Seen::Vehicle);
        world.engine().rotate_role(Role::DriverSdkUser);
        world.sessions().revoke(SESSION);
        let seen = client.get("v1", Some(vehicle())).await;
        let Seen::Attach(AttachError::NoToken(cause)) = seen else { panic!("{face:?}: {seen:?}") };
        assert_eq!(cause.kind(), TokenErrorKind::SessionRejected, "{face:?}");
        assert_eq!(calls(&world), 2, "{face:?}");
    }
}
