//! A ledger's store whose process dies: after a number of writes nothing ever comes back from it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result,
};
use tokio::sync::Notify;

/// A folder, and how many objects may still be written into it.
#[derive(Debug)]
pub struct MortalStore {
    objects: Arc<LocalFileSystem>,
    /// Held by whatever is being written.
    writing: Arc<()>,
    most_writes: usize,
    writes: AtomicUsize,
    died: Notify,
}

impl MortalStore {
    /// Lets a process write so many objects; any number when there is no limit.
    pub fn new(objects: LocalFileSystem, most_writes: Option<usize>) -> Self {
        Self {
            objects: Arc::new(objects),
            writing: Arc::default(),
            most_writes: most_writes.unwrap_or(usize::MAX),
            writes: AtomicUsize::new(0),
            died: Notify::new(),
        }
    }

    /// Waits for the process's end.
    pub async fn died(&self) {
        self.died.notified().await;
    }

    /// Waits until nothing is being written any more: a thread that has begun to write does not die with
    /// the future that waits for it, as it would with a process.
    pub async fn settled(&self) {
        while Arc::strong_count(&self.writing) > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Counts the objects written.
    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    async fn die<T>(&self) -> T {
        self.died.notify_one();
        std::future::pending().await
    }
}

impl fmt::Display for MortalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.objects)
    }
}

// As `async_trait` writes it.
impl ObjectStore for MortalStore {
    fn put_opts<'a, 'b, 'c>(&'a self, location: &'b Path, payload: PutPayload, opts: PutOptions) -> BoxFuture<'c, Result<PutResult>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async move {
            // Binding a new ledger is not the run's.
            if location.as_ref() == "ledger.json" {
                return self.objects.put_opts(location, payload, opts).await;
            }
            if self.writes.load(Ordering::SeqCst) >= self.most_writes {
                return self.die().await;
            }
            let (objects, writing, location) = (self.objects.clone(), self.writing.clone(), location.clone());
            let written = tokio::spawn(async move {
                let written = objects.put_opts(&location, payload, opts).await;
                drop(writing);
                written
            });
            let written = written.await.unwrap()?;
            if self.writes.fetch_add(1, Ordering::SeqCst) + 1 >= self.most_writes {
                return self.die().await;
            }
            Ok(written)
        })
    }

    fn put_multipart_opts<'a, 'b, 'c>(
        &'a self,
        location: &'b Path,
        opts: PutMultipartOptions,
    ) -> BoxFuture<'c, Result<Box<dyn MultipartUpload>>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        self.objects.put_multipart_opts(location, opts)
    }

    fn get_opts<'a, 'b, 'c>(&'a self, location: &'b Path, options: GetOptions) -> BoxFuture<'c, Result<GetResult>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        self.objects.get_opts(location, options)
    }

    fn get_ranges<'a, 'b, 'r, 'c>(&'a self, location: &'b Path, ranges: &'r [Range<u64>]) -> BoxFuture<'c, Result<Vec<Bytes>>>
    where
        'a: 'c,
        'b: 'c,
        'r: 'c,
        Self: 'c,
    {
        self.objects.get_ranges(location, ranges)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.objects.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix)
    }

    fn list_with_delimiter<'a, 'b, 'c>(&'a self, prefix: Option<&'b Path>) -> BoxFuture<'c, Result<ListResult>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        self.objects.list_with_delimiter(prefix)
    }

    fn copy_opts<'a, 'b, 'd, 'c>(&'a self, from: &'b Path, to: &'d Path, options: CopyOptions) -> BoxFuture<'c, Result<()>>
    where
        'a: 'c,
        'b: 'c,
        'd: 'c,
        Self: 'c,
    {
        self.objects.copy_opts(from, to, options)
    }
}
