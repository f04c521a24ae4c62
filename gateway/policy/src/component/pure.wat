;; WASI preview 1 for core modules whose language cannot do without it: nothing leaves the module.
;;
;; Clocks count how often they are asked, random numbers are one fixed sequence, what is written is
;; swallowed; there are no arguments, no environment, no files and no sockets. So a policy stays a
;; function of its facts, and its collector may look at the clock while the gateway passes it a
;; value, which a call of the gateway would not survive.
(module
  (import "env" "memory" (memory 0))

  (global $time (mut i64) (i64.const 0))
  (global $seed (mut i64) (i64.const 0x2545f4914f6cdd1d))

  ;; errno
  (global $success i32 (i32.const 0))
  (global $badf i32 (i32.const 8))
  (global $nosys i32 (i32.const 52))

  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $out i32) (result i32)
    (global.set $time (i64.add (global.get $time) (i64.const 1000)))
    (i64.store (local.get $out) (global.get $time))
    (global.get $success))
  (func (export "clock_res_get") (param $clock i32) (param $out i32) (result i32)
    (i64.store (local.get $out) (i64.const 1000))
    (global.get $success))

  (func (export "random_get") (param $to i32) (param $length i32) (result i32)
    (loop $next
      (if (local.get $length)
        (then
          (global.set $seed (i64.xor (global.get $seed) (i64.shl (global.get $seed) (i64.const 13))))
          (global.set $seed (i64.xor (global.get $seed) (i64.shr_u (global.get $seed) (i64.const 7))))
          (global.set $seed (i64.xor (global.get $seed) (i64.shl (global.get $seed) (i64.const 17))))
          (i64.store8 (local.get $to) (global.get $seed))
          (local.set $to (i32.add (local.get $to) (i32.const 1)))
          (local.set $length (i32.sub (local.get $length) (i32.const 1)))
          (br $next))))
    (global.get $success))

  (func $none (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (global.get $success))
  (export "args_sizes_get" (func $none))
  (export "environ_sizes_get" (func $none))
  (func $nothing (param i32 i32) (result i32) (global.get $success))
  (export "args_get" (func $nothing))
  (export "environ_get" (func $nothing))

  (func (export "fd_write") (param $fd i32) (param $parts i32) (param $count i32) (param $out i32) (result i32)
    (local $written i32)
    (loop $next
      (if (local.get $count)
        (then
          (local.set $written
            (i32.add (local.get $written) (i32.load offset=4 (local.get $parts))))
          (local.set $parts (i32.add (local.get $parts) (i32.const 8)))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br $next))))
    (i32.store (local.get $out) (local.get $written))
    (global.get $success))

  ;; Nobody waits: whoever sleeps wakes at once.
  (func (export "poll_oneoff") (param $in i32) (param $out i32) (param $count i32) (param $events i32) (result i32)
    (i32.store (local.get $events) (i32.const 0))
    (global.get $success))
  (func (export "sched_yield") (result i32) (global.get $success))
  (func (export "proc_exit") (param i32) unreachable)
  (func (export "proc_raise") (param i32) (result i32) unreachable)

  ;; There is no such file.
  (func $file1 (param i32) (result i32) (global.get $badf))
  (export "fd_close" (func $file1))
  (export "fd_datasync" (func $file1))
  (export "fd_sync" (func $file1))
  (func $file2 (param i32 i32) (result i32) (global.get $badf))
  (export "fd_fdstat_get" (func $file2))
  (export "fd_fdstat_set_flags" (func $file2))
  (export "fd_filestat_get" (func $file2))
  (export "fd_prestat_get" (func $file2))
  (export "fd_renumber" (func $file2))
  (export "fd_tell" (func $file2))
  (export "sock_shutdown" (func $file2))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (global.get $badf))
  (func (export "fd_read") (param i32 i32 i32 i32) (result i32) (global.get $badf))
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (global.get $badf))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (global.get $badf))
  (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) (global.get $badf))
  (func (export "fd_allocate") (param i32 i64 i64) (result i32) (global.get $badf))
  (func (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) (global.get $badf))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (global.get $badf))
  (func $positioned (param i32 i32 i32 i64 i32) (result i32) (global.get $badf))
  (export "fd_pread" (func $positioned))
  (export "fd_pwrite" (func $positioned))
  (export "fd_readdir" (func $positioned))
  (func (export "sock_accept") (param i32 i32 i32) (result i32) (global.get $badf))
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) (global.get $badf))
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) (global.get $badf))

  ;; There are no paths.
  (func $path3 (param i32 i32 i32) (result i32) (global.get $nosys))
  (export "path_create_directory" (func $path3))
  (export "path_remove_directory" (func $path3))
  (export "path_unlink_file" (func $path3))
  (func $path5 (param i32 i32 i32 i32 i32) (result i32) (global.get $nosys))
  (export "path_filestat_get" (func $path5))
  (export "path_symlink" (func $path5))
  (func $path6 (param i32 i32 i32 i32 i32 i32) (result i32) (global.get $nosys))
  (export "path_readlink" (func $path6))
  (export "path_rename" (func $path6))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (global.get $nosys))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (global.get $nosys))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (global.get $nosys)))
