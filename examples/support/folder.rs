//! What every command that writes files does first.

use std::error::Error;
use std::fs;
use std::path::Path;

/// Makes the folder for what a command writes: before the work, so that a bad path does not cost a run.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)
        .map_err(|error| format!("cannot make folder {}: {error}", folder.display()).into())
}
