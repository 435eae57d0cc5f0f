//! Remote scans as bytes, so that a plan can be sent to another machine.

use std::sync::Arc;

use datafusion::{
    common::internal_datafusion_err,
    error::{DataFusionError, Result},
    execution::TaskContext,
    physical_plan::ExecutionPlan,
};
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use firth_connector::{RemoteId, RemoteScan};
use serde::{Deserialize, Serialize};

use crate::{RemoteScanExec, external};

/// Writes and reads [`RemoteScanExec`].
///
/// The bytes carry the connection's id, the description and the text: no client and no secret. The
/// decoded node finds its remote by that id, in the session where it runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct RemoteScanCodec;

/// The bytes, as JSON: descriptions are small, and JSON tolerates fields that one side does not know.
#[derive(Serialize, Deserialize)]
struct EncodedScan {
    remote: RemoteId,
    scan: RemoteScan,
    sql: String,
    partitions: usize,
}

impl PhysicalExtensionCodec for RemoteScanCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        _ctx: &TaskContext,
        _proto_converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !inputs.is_empty() {
            return Err(internal_datafusion_err!("a remote scan has no inputs"));
        }
        let encoded: EncodedScan =
            serde_json::from_slice(buf).map_err(|error| DataFusionError::External(Box::new(error)))?;
        let EncodedScan { remote, scan, sql, partitions } = encoded;
        Ok(Arc::new(RemoteScanExec::try_new(remote, scan, sql, partitions).map_err(external)?))
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        _proto_converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let Some(exec) = node.downcast_ref::<RemoteScanExec>() else {
            return Err(internal_datafusion_err!("{} is not a remote scan", node.name()));
        };
        let encoded = EncodedScan {
            remote: exec.remote().clone(),
            scan: exec.scan().clone(),
            sql: exec.sql().to_owned(),
            partitions: exec.partitions(),
        };
        serde_json::to_writer(buf, &encoded).map_err(|error| DataFusionError::External(Box::new(error)))
    }
}
