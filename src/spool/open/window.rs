//! Opens the window at a start.

use crate::spool::WINDOW;
use crate::spool::log::disk::private_subfolder;
use crate::spool::open::identity::{name_of_run, random_number};
use crate::spool::window::Slicing;
use crate::spool::window::old_ids::Error;
use crate::spool::window::slices::Slices;
use std::path::Path;

/// The state of the window at a start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Window {
    Found,
    New,
}

/// Opens the window's store. If it does not open it is put aside: ids are worth less than a start.
pub(super) fn open_window(dir: &Path, slicing: Slicing) -> Result<(Slices, Window), Error> {
    let folder = dir.join(WINDOW);
    let was_there = folder.exists();
    // The store chooses the modes of its files; its folder is closed to others. A link is not
    // followed.
    private_subfolder(&folder).map_err(Error::Unreadable)?;
    // The store asserts some properties of the files it reads.
    let opened = std::panic::catch_unwind(|| Slices::open(&folder, slicing));
    let why = match opened {
        Ok(Ok(slices)) => {
            let window = if was_there { Window::Found } else { Window::New };
            return Ok((slices, window));
        }
        Ok(Err(error)) if error.is_lack_of_room() => return Err(error),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it was read to a panic".to_owned(),
    };
    let aside = dir.join(format!("{WINDOW}-damaged-{}", name_of_run(random_number())));
    tracing::error!(event = "window_damaged", why, aside = %aside.display(),
        "the window's store does not open and is put aside");
    std::fs::rename(&folder, &aside).map_err(Error::Unreadable)?;
    Ok((Slices::open(&folder, slicing)?, Window::New))
}
