%% The Erlang side of bench/actors.ts: the same six measures, the same counting. Prints one number.
-module(actors).
-export([main/1]).

-define(BATCH, 1000).

main([Measure, CountText]) ->
    Count = list_to_integer(CountText),
    measure(Measure, min(Count, 100000)),
    io:format("~p~n", [measure(Measure, Count)]),
    halt(0).

measure("idle", Count) -> idle(Count);
measure(Measure, Count) ->
    Begin = erlang:monotonic_time(nanosecond),
    run(Measure, Count),
    Count * 1.0e9 / (erlang:monotonic_time(nanosecond) - Begin).

run("ping-pong", Count) ->
    Pong = spawn(fun pong/0),
    ping(Pong, Count div 2),
    Pong ! stop;
run("one-way", Count) ->
    Self = self(),
    Sink = spawn(fun() -> sink(Count, Self) end),
    spawn(fun() -> tell([Sink], Count div ?BATCH, ?BATCH) end),
    receive done -> ok end;
run("fan-out", Count) ->
    Self = self(),
    Each = Count div 1000,
    Sinks = [spawn(fun() -> sink(Each, Self) end) || _ <- lists:seq(1, 1000)],
    spawn(fun() -> tell(Sinks, Each, 1) end),
    [receive done -> ok end || _ <- Sinks];
run("spawn-stop", Count) ->
    spawn_stop(Count div ?BATCH);
run("ask", Count) ->
    Server = spawn(fun server/0),
    ask(Server, Count),
    Server ! stop.

ping(_, 0) -> ok;
ping(Pong, Left) ->
    Pong ! self(),
    receive pong -> ping(Pong, Left - 1) end.

pong() ->
    receive
        stop -> ok;
        From -> From ! pong, pong()
    end.

sink(0, Owner) -> Owner ! done;
sink(Left, Owner) -> receive _ -> sink(Left - 1, Owner) end.

%% As the actors of the other two: each round is a message to itself.
tell(_, 0, _) -> ok;
tell(Sinks, Rounds, Each) ->
    [tell_one(Sink, Each) || Sink <- Sinks],
    self() ! again,
    receive again -> tell(Sinks, Rounds - 1, Each) end.

tell_one(_, 0) -> ok;
tell_one(Sink, Left) -> Sink ! Left, tell_one(Sink, Left - 1).

spawn_stop(0) -> ok;
spawn_stop(Rounds) ->
    Watched = [spawn_monitor(fun() -> receive stop -> ok end end) || _ <- lists:seq(1, ?BATCH)],
    [Pid ! stop || {Pid, _} <- Watched],
    [receive {'DOWN', Monitor, _, _, _} -> ok end || {_, Monitor} <- Watched],
    spawn_stop(Rounds - 1).

server() ->
    receive
        stop -> ok;
        {From, Ref} -> From ! {Ref, answer}, server()
    end.

ask(_, 0) -> ok;
ask(Server, Left) ->
    Ref = make_ref(),
    Server ! {self(), Ref},
    receive {Ref, answer} -> ask(Server, Left - 1) after 1000 -> exit(timeout) end.

%% Bytes of one process that waits for its first message.
idle(Count) ->
    erlang:garbage_collect(),
    Before = erlang:memory(total),
    Pids = [spawn(fun() -> receive stop -> ok end end) || _ <- lists:seq(1, Count)],
    timer:sleep(200),
    Bytes = (erlang:memory(total) - Before) / Count,
    [Pid ! stop || Pid <- Pids],
    Bytes.
