//! Makes the new container of a swap.

use super::container::{Container, Status, label};
use super::driver::DockerDriver;
use super::swap_args::Args;
use pb_core::run::BlobRef;
use pb_core::{Failure, Permit, Result, World, code};

/// Makes the new container of a swap, or takes over the one that a killed process had asked for.
pub(super) async fn create(
    world: &World,
    permit: &Permit,
    args: &Args,
    name: &str,
    env_file: Option<&BlobRef>,
) -> Result<()> {
    let (engine, read) = (&args.docker.0, world.read());
    let (docker, writer) = (read.of::<DockerDriver>(), world.of::<DockerDriver>(permit));
    let text = env_file.map(|file| read.kept_file(file)).transpose()?;
    let lines = args.lines(text.as_deref())?;
    let recipes = args.recipes(&lines);
    let image = docker.image(engine, &args.image).await?;
    let image = image.ok_or_else(|| no_image(&args.image))?;
    let serving = args.serving();
    // An image that had to be pulled tells its ports only now.
    if serving.needs_port() && serving.port_of(&image.ports).is_none() {
        return Err(serving.no_port(&args.image, &image.ports));
    }
    let hash = recipes.wanted(&image, read.vault())?.hash;
    let own = [(label::NAME, args.name.as_str()), (label::SPEC, &hash)];
    let body = recipes.body(read, &own)?;
    let failure = match writer.create(engine, name, body.clone()).await {
        Err(failure) if failure.is(&code::NAME_TAKEN) => failure,
        created => return created,
    };
    let left = docker.container(engine, read.vault(), name).await?;
    match left.filter(|left| is_left(left, args)) {
        Some(left) if left.labels.get(label::SPEC) == Some(&hash) => Ok(()),
        Some(left) => {
            writer.remove(engine, &left.id).await?;
            writer.create(engine, name, body).await
        }
        None => Err(failure),
    }
}

/// Whether a container was made by pb for that name, and nothing has become of it yet.
fn is_left(container: &Container, args: &Args) -> bool {
    let ours = container.labels.get(label::NAME).map(String::as_str) == Some(args.name.as_str());
    ours && container.status == Status::Created
}

fn no_image(image: &str) -> Failure {
    Failure::new(
        &code::NO_SUCH_IMAGE,
        format!("the image `{image}` is not on the engine"),
    )
}
