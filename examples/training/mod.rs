//! LeNet-5 trained, then pruned, polarized and quantised by ADMM, and what that does on crossbars.

pub(crate) mod adam;
pub(crate) mod folds;
pub(crate) mod hardware;
pub(crate) mod network;
pub(crate) mod steps;
pub(crate) mod store;
