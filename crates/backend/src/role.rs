//! The service accounts: one a role, so that a token can do no more than the role that signed it.

use std::fmt;

/// A Fleet Engine IAM role; each has its own service account and its own keys.
///
/// Names: Google's "Service accounts" page for Fleet Engine (`roles/fleetengine.*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Role {
    /// `ondemandAdmin`: everything on vehicles and trips; ignores custom claims.
    OnDemandAdmin,
    /// `driverSdkUser`: reads and updates the one vehicle of its claim.
    DriverSdkUser,
    /// `consumerSdkUser`: reads the one trip of its claim, and searches vehicles.
    ConsumerSdkUser,
    /// `deliveryAdmin`: everything on delivery vehicles and tasks; ignores custom claims.
    DeliveryAdmin,
    /// `deliveryFleetReader`: reads all delivery vehicles and tasks.
    DeliveryFleetReader,
    /// `deliveryTrustedDriver`: creates and updates the delivery vehicle and the task of its claims.
    DeliveryTrustedDriver,
    /// `deliveryUntrustedDriver`: reads the delivery vehicle of its claim and updates its location only.
    DeliveryUntrustedDriver,
    /// `deliveryConsumer`: reads the tracking info of its claim.
    DeliveryConsumer,
    /// `viewer`: reads everything, on-demand and delivery.
    Viewer,
}

impl Role {
    /// Every role, in the order of the enum.
    pub const ALL: [Self; 9] = [
        Self::OnDemandAdmin,
        Self::DriverSdkUser,
        Self::ConsumerSdkUser,
        Self::DeliveryAdmin,
        Self::DeliveryFleetReader,
        Self::DeliveryTrustedDriver,
        Self::DeliveryUntrustedDriver,
        Self::DeliveryConsumer,
        Self::Viewer,
    ];

    /// The name in IAM, without `roles/fleetengine.`.
    pub const fn iam_name(self) -> &'static str {
        match self {
            Self::OnDemandAdmin => "ondemandAdmin",
            Self::DriverSdkUser => "driverSdkUser",
            Self::ConsumerSdkUser => "consumerSdkUser",
            Self::DeliveryAdmin => "deliveryAdmin",
            Self::DeliveryFleetReader => "deliveryFleetReader",
            Self::DeliveryTrustedDriver => "deliveryTrustedDriver",
            Self::DeliveryUntrustedDriver => "deliveryUntrustedDriver",
            Self::DeliveryConsumer => "deliveryConsumer",
            Self::Viewer => "viewer",
        }
    }

    /// The file stem of its PEM files, and the local part of its account.
    pub const fn account_name(self) -> &'static str {
        match self {
            Self::OnDemandAdmin => "ondemand-admin",
            Self::DriverSdkUser => "driver",
            Self::ConsumerSdkUser => "consumer",
            Self::DeliveryAdmin => "delivery-admin",
            Self::DeliveryFleetReader => "delivery-fleet-reader",
            Self::DeliveryTrustedDriver => "delivery-trusted-driver",
            Self::DeliveryUntrustedDriver => "delivery-untrusted-driver",
            Self::DeliveryConsumer => "delivery-consumer",
            Self::Viewer => "viewer",
        }
    }

    /// The e-mail of its service account in the project `provider_id`: the `iss` and `sub` of its tokens.
    pub fn service_account(self, provider_id: &str) -> String {
        format!("{}@{provider_id}.iam.gserviceaccount.com", self.account_name())
    }

    /// Whether Fleet Engine ignores the custom claims of this role's tokens, as it does for the admin roles.
    pub const fn ignores_claims(self) -> bool {
        matches!(self, Self::OnDemandAdmin | Self::DeliveryAdmin)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.iam_name())
    }
}
