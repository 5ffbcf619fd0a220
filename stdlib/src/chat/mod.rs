//! Messages to people.

mod deliver;
mod discord;
mod message;
mod notify;
mod slack;
mod webhook;

pub use discord::{DiscordConfig, DiscordDriver};
pub use message::Level;
pub use notify::{Chat, Notify};
pub use slack::{SlackConfig, SlackDriver};
pub use webhook::{WebhookConfig, WebhookDriver};

use pb_core::run::Registry;
use pb_core::{Drivers, erase};

/// Adds the primitives of this area, and its drivers; they send by the driver of HTTP.
pub fn register(registry: &mut Registry, drivers: &mut Drivers) {
    drivers.add(SlackDriver);
    drivers.add(DiscordDriver);
    drivers.add(WebhookDriver);
    registry.add(erase(Notify));
}
