#!/usr/bin/env bash
# One customer's helpdesk by hand: what an engineer would write who has no
# Stampworks. It starts the same components, with the same flags, isolation and
# readiness checks as a stamp of a local cell, as much at once as the blueprint
# lets, and ends when the smoke checks have passed. bench measures stamps beside it.
#
#   stamp.sh up      make and start it
#   stamp.sh down    end it and remove what is left
#
# Its settings are in the environment, from bench:
#   DIR        its folder, NAME, the customer's id, and PRODUCT, lite or full
#   HELPDESK   folder of the product's program, POSTGRES of PostgreSQL's
#   ADDRESS    its own on loopback, PORT that customers reach
#   RUN_AS     its user's number; 0 for none of its own
#   MASK       what is hidden from its processes; empty: nothing
#   CGROUPS    1 or 2, the version; empty: none
#   WALL       a program: allow|forget USER ADDRESS PORT...; empty: no firewall
set -euo pipefail

exec {never}<> <(:)
# until_ok polls a condition every 20 ms, for three minutes at most.
until_ok() {
  local end=$((SECONDS + 180))
  until "$@" 2>/dev/null; do
    ((SECONDS < end)) || { echo "stamp.sh: not within three minutes: $*" >&2; return 1; }
    read -rt 0.02 -u "$never" || :
  done
}
accepts() { (exec 3<>"/dev/tcp/$1/$2"); }
answers() { # host port path: HTTP 200
  ( exec 3<>"/dev/tcp/$1/$2"
    printf 'GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n' "$3" "$1" "$2" >&3
    read -rt 3 -u 3 _ status _ && [[ $status = 200 ]] )
}

# --- isolation -----------------------------------------------------------------

memory() { case $PRODUCT.$1 in full.db) echo $((320 << 20));; lite.app) echo $((192 << 20));; *) echo $((128 << 20));; esac; }

# find_groups sets at, the folders of a component's control groups.
find_groups() {
  case $CGROUPS in
    1) at=(/sys/fs/cgroup/{cpu,memory,pids}/stampworks-bench/"$NAME/$1") ;;
    2) at=(/sys/fs/cgroup/stampworks-bench/"$NAME/$1") ;;
    *) at=() ;;
  esac
}
make_groups() {
  local at; find_groups "$1"
  ((${#at[@]})) || return 0
  mkdir -p "${at[@]/%//run}" "${at[@]/%//jobs}"
  if [[ $CGROUPS = 1 ]]; then
    echo 100000 > "${at[0]}/cpu.cfs_quota_us"; memory "$1" > "${at[1]}/memory.limit_in_bytes"; echo 1024 > "${at[2]}/pids.max"
    return
  fi
  for dir in /sys/fs/cgroup{,/stampworks-bench{,/"$NAME"}}; do echo '+cpu +memory +pids' > "$dir/cgroup.subtree_control"; done
  echo '100000 100000' > "$at/cpu.max"; memory "$1" > "$at/memory.max"; echo 1024 > "$at/pids.max"
  [[ ! -e $at/memory.swap.max ]] || echo 0 > "$at/memory.swap.max"
}

# hide makes the mount namespace of the customer: other customers' folders are
# not in it, and the users are its own.
hide() {
  local view=$DIR/view
  mount -t tmpfs -o nosuid,nodev,mode=1777,size=64m stamp "$view"
  mkdir -p "$view${DIR#"$MASK"}" "$view${HELPDESK#"$MASK"}" "$view/own"
  mount --bind "$DIR" "$view${DIR#"$MASK"}"
  mount --bind -o ro "$HELPDESK" "$view${HELPDESK#"$MASK"}"
  mount --bind -o ro "$DIR/etc/passwd" /etc/passwd
  mount --bind -o ro "$DIR/etc/group" /etc/group
  mount --move "$view" "$MASK"
  mount -t proc -o nosuid,nodev,noexec,hidepid=invisible proc /proc
}

# become runs a program in a component's place: with the component's environment
# and no other, in its control groups, with a /tmp of its own, and as its user.
become() { # component leaf program...
  local component=$1 leaf=$2 home=$DIR/$1/tmp at name; shift 2
  find_groups "$component"
  for name in "${at[@]}"; do echo "$BASHPID" > "$name/$leaf/cgroup.procs"; done
  ulimit -c 0; ulimit -n "$(ulimit -Hn)"; ((RUN_AS == 0)) || ulimit -u 4096
  umask 077
  [[ -z $MASK ]] || home=$MASK/own
  for name in $(compgen -e); do export -n "$name"; done
  export PATH=$HELPDESK:${POSTGRES:+$POSTGRES:}/usr/local/bin:/usr/bin:/bin HOME=$home TMPDIR=$home LANG=C.UTF-8 USER=stamp LOGNAME=stamp
  environment "$component"
  if [[ -n $MASK ]]; then
    exec setsid unshare --mount --propagation private sh -ec '
      mount --bind "$1" "$HOME"; mount -t tmpfs -o nosuid,nodev,mode=1777 stamp /dev/shm
      cd "$HOME"; user=$2; shift 2
      exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs -- "$@"' sh "$DIR/$component/tmp" "$RUN_AS" "$@"
  fi
  cd "$home"
  if ((RUN_AS)); then exec setsid setpriv --reuid "$RUN_AS" --regid "$RUN_AS" --clear-groups --no-new-privs -- "$@"; fi
  exec setsid setpriv --no-new-privs -- "$@"
}
start() { become "$1" run "${@:2}" >> "$DIR/$1/log" 2>&1 & echo $! >> "$DIR/pids"; }
job() { (become "$1" jobs "${@:2}") >> "$DIR/$1/job.log" 2>&1; }

# --- the product ------------------------------------------------------------------

environment() {
  local queue_url=nats://$QUEUE_TOKEN@$ADDRESS:4222 app_url=http://$ADDRESS:8080
  case $1 in
    db) export PGHOST=$ADDRESS PGPORT=5432 PGUSER=postgres PGPASSWORD=$DB_ADMIN ;;
    queue) export QUEUE_TOKEN ;;
    app)
      if [[ $PRODUCT = full ]]; then
        export DATABASE_URL="postgres://helpdesk:$DB_PASSWORD@$ADDRESS:5432/helpdesk?sslmode=disable"
        export DATABASE_ADMIN_URL="postgres://postgres:$DB_ADMIN@$ADDRESS:5432/postgres?sslmode=disable"
      else
        export DATABASE_URL=sqlite:$DIR/app/data/helpdesk.db
      fi
      export QUEUE_URL=$queue_url WORKER_TOKEN APP_URL=$app_url CUSTOMER_NAME=$NAME TENANT_ID=$NAME SEATS=25 ;;
    worker) export APP_URL=$app_url QUEUE_URL=$queue_url WORKER_TOKEN ADMIN_EMAIL=admin@customer.example PUBLIC_URL=http://127.0.0.1:$PORT ;;
  esac
}

database() {
  job db "$POSTGRES/initdb" -D "$DIR/db/data/pg" -U postgres -E UTF8 --locale=C -A scram-sha-256 --pwfile="$DIR/db/data/password"
  start db "$POSTGRES/postgres" -D "$DIR/db/data/pg" -h "$ADDRESS" -p 5432 -c unix_socket_directories= \
    -c shared_buffers=32MB -c max_connections=40 -c max_wal_size=128MB -c max_parallel_workers=0 \
    -c max_logical_replication_workers=0 -c autovacuum_max_workers=1 -c jit=off
  until_ok job db "$POSTGRES/pg_isready" -d postgres
}
queue() {
  start queue "$HELPDESK/helpdesk" queue --listen "$ADDRESS:4222" --store "$DIR/queue/data"
  until_ok accepts "$ADDRESS" 4222
}
app() {
  job app "$HELPDESK/helpdesk" migrate --admin admin@customer.example
  start app "$HELPDESK/helpdesk" app --listen "$ADDRESS:8080"
  until_ok answers "$ADDRESS" 8080 /readyz
}
worker() {
  start worker "$HELPDESK/helpdesk" worker
  until_ok job worker "$HELPDESK/helpdesk" worker --check
}
edge() {
  start edge "$HELPDESK/helpdesk" edge --listen "127.0.0.1:$PORT" --upstream "$ADDRESS:8080"
  until_ok answers 127.0.0.1 "$PORT" /readyz
}
# together runs functions at the same time, and fails when one does.
together() {
  local pids=() pid failed=0
  for one; do "$one" & pids+=($!); done
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
  return "$failed"
}

up() {
  local components=(queue app worker edge) folders=("$DIR/"{etc,view}) own=()
  [[ $PRODUCT = lite ]] || components=(db "${components[@]}")
  for c in "${components[@]}"; do folders+=("$DIR/$c"); own+=("$DIR/$c/"{tmp,data}); done
  mkdir -m 0711 "$DIR" "${folders[@]}"
  mkdir -m 0700 "${own[@]}"
  ((RUN_AS == 0)) || chown "$RUN_AS:$RUN_AS" "${own[@]}"
  echo "stamp:x:$RUN_AS:$RUN_AS:stamp:/tmp:/bin/sh" > "$DIR/etc/passwd"
  echo "stamp:x:$RUN_AS:" > "$DIR/etc/group"
  for c in "${components[@]}"; do make_groups "$c"; done
  [[ -z $WALL ]] || "$WALL" wall allow "$RUN_AS" "$ADDRESS" "$PORT"
  if [[ -z $MASK ]]; then inside; fi
  exec unshare --mount --propagation private "$BASH" "$0" inside
}

# inside goes on in the customer's namespace.
inside() {
  [[ -z $MASK ]] || hide
  local chance; read -rN 128 chance < <(LC_ALL=C exec tr -dc A-Za-z0-9 < /dev/urandom)
  QUEUE_TOKEN=${chance:0:32} WORKER_TOKEN=${chance:32:32} DB_ADMIN=${chance:64:32} DB_PASSWORD=${chance:96}
  if [[ $PRODUCT = full ]]; then
    (umask 077; echo -n "$DB_ADMIN" > "$DIR/db/data/password")
    ((RUN_AS == 0)) || chown "$RUN_AS" "$DIR/db/data/password"
    together database queue
  else
    queue
  fi
  app
  together worker edge
  job app "$HELPDESK/helpdesk" smoke
  answers 127.0.0.1 "$PORT" /readyz
  exit
}

down() {
  for pid in $(cat "$DIR/pids" 2>/dev/null); do kill -KILL -- "-$pid" 2>/dev/null || :; done
  [[ -z $WALL ]] || "$WALL" wall forget "$RUN_AS" "$ADDRESS" "$PORT"
  until_ok rm -rf "$DIR"
  case $CGROUPS in
    1) for at in /sys/fs/cgroup/{cpu,memory,pids}/stampworks-bench/"$NAME"; do until_ok fold "$at"; done ;;
    2) until_ok fold /sys/fs/cgroup/stampworks-bench/"$NAME" ;;
  esac
  rmdir /sys/fs/cgroup/{,cpu/,memory/,pids/}stampworks-bench 2>/dev/null || : # the last one's
}
# fold removes control groups, once the processes in them have ended.
fold() { [[ ! -d $1 ]] || find "$1" -depth -type d -exec rmdir {} + ; }

"$1"
