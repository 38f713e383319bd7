#!/usr/bin/perl
# DBD::Pg: each step's result is one line of JSON. `session.pl HOST PORT USER PASSWORD DATABASE`.
use strict;
use warnings;
use DBI;
use DBD::Pg qw(:async);
use JSON::PP;
use POSIX ();

my ($host, $port, $user, $password, $database) = @ARGV;
my $json = JSON::PP->new->canonical->ascii;
$| = 1;
my $db;

# Infinity and NaN are no JSON.
sub plain {
    my ($value) = @_;
    return [map { plain($_) } @$value] if ref $value eq 'ARRAY';
    return { map { $_ => plain($value->{$_}) } keys %$value } if ref $value eq 'HASH';
    return defined $value && !ref $value && $value =~ /^-?(?:inf|nan)/i ? "number:$value" : $value;
}

sub say_line { print $json->encode($_[0]), "\n" }

sub step {
    my ($name, $run) = @_;
    my $result = eval { $run->() };
    if ($@) { say_line({ step => $name, error => "$@" }) }
    elsif (ref $result eq 'HASH' && exists $result->{none}) { say_line({ step => $name, none => $result->{none} }) }
    else { say_line({ step => $name, result => plain($result) }) }
}

sub rows { my ($sql, @values) = @_; return $db->selectall_arrayref($sql, undef, @values) }
sub value { return rows(@_)->[0][0] }

sub sqlstate {
    my ($run) = @_;
    return 'none' if eval { $run->(); 1 };
    return $db->state;
}

# What the catalogs' answers say that is the same on each server.
sub named { my ($statement, @columns) = @_; return [map { my $row = $_; [@$row{@columns}] } @{ $statement->fetchall_arrayref({}) }] }

sub asked {
    my ($prepare) = @_;
    my %server = (pg_server_prepare => $prepare);
    my $ask = sub {
        my ($sql, @values) = @_;
        my $statement = $db->prepare($sql, \%server);
        $statement->execute(@values);
        return [$statement->{NAME}, $statement->{pg_type}, $statement->fetchall_arrayref];
    };
    my $bytes = $db->prepare('SELECT ?::bytea AS bytes, ?::boolean AS b', \%server);
    $bytes->bind_param(1, "\x00\xff", { pg_type => DBD::Pg::PG_BYTEA });
    $bytes->bind_param(2, 1, { pg_type => DBD::Pg::PG_BOOL });
    $bytes->execute;
    return [
        $ask->('SELECT id, name, joined, ssn FROM customers WHERE id = ? OR email = ? ORDER BY id', 3, '5@example.com'),
        $ask->('SELECT id FROM orders WHERE customer_id = ANY(?) AND placed < $1 ORDER BY id' =~ s/\?/\$2/r, '2026-01-20', [1, 5, 9]),
        $ask->('SELECT ?::int + ?::bigint AS sum, ?::text AS t', 1, '9007199254740993', undef),
        [map { unpack('H*', $_) } @{ $bytes->fetchrow_arrayref }],
    ];
}

say_line({ client => 'dbd-pg', version => "$DBD::Pg::VERSION" });

step('connect', sub {
    $db = DBI->connect("dbi:Pg:host=$host;port=$port;dbname=$database", $user, $password,
        { RaiseError => 1, PrintError => 0, PrintWarn => 0, AutoCommit => 1, pg_enable_utf8 => 1 });
    return [$db->{pg_db} eq $database ? 'named' : 'else', $db->ping, value('SHOW server_encoding'), value('SHOW TimeZone'), $db->{pg_standard_conforming_strings}];
});
step('introspect', sub {
    my $key = $db->primary_key_info(undef, 'public', 'order_tags');
    my $foreign = $db->foreign_key_info(undef, 'public', 'customers', undef, 'public', 'orders');
    my $indexes = $db->statistics_info(undef, 'public', 'orders', 0, 1);
    return [
        named($db->table_info(undef, 'public', '%', 'TABLE,VIEW'), qw(TABLE_SCHEM TABLE_NAME TABLE_TYPE REMARKS)),
        named($db->column_info(undef, 'public', 'customers', '%'), qw(COLUMN_NAME TYPE_NAME COLUMN_SIZE NULLABLE COLUMN_DEF REMARKS pg_type pg_enum_values)),
        [$db->primary_key(undef, 'public', 'order_tags')], named($key, qw(COLUMN_NAME KEY_SEQ PK_NAME)),
        named($foreign, qw(UK_COLUMN_NAME FK_TABLE_NAME FK_COLUMN_NAME)),
        named($indexes, qw(INDEX_NAME COLUMN_NAME NON_UNIQUE)),
        [sort $db->tables(undef, 'sales', '%', 'TABLE')], scalar @{ $db->type_info_all }, scalar($db->quote_identifier('Odd Names')),
    ];
});
step('text', sub { return [asked(0), asked(1)] });
step('binary', sub { return { none => 'reads values as text' } });
step('batch', sub {
    my $insert = $db->prepare('INSERT INTO order_tags (order_id, tag) VALUES (?, ?)');
    my $count = $insert->execute_array({}, [6 .. 10], 'batch');
    my $removed = $db->do("DELETE FROM order_tags WHERE tag = 'batch'");
    $db->do("SELECT 1; SELECT count(*) FROM customers");
    return [$count, $removed];
});
step('stream', sub {
    $db->begin_work;
    $db->do('DECLARE c CURSOR FOR SELECT id, value FROM readings ORDER BY id');
    my @portions = map { rows('FETCH 2 FROM c') } 1 .. 3;
    $db->commit;
    $db->do('COPY (SELECT id, ssn FROM customers ORDER BY id) TO STDOUT');
    my ($line, @copied);
    push @copied, $line while $db->pg_getcopydata($line) >= 0;
    $db->do('COPY order_tags (order_id, tag) FROM STDIN');
    $db->pg_putcopydata("$_\tcopied\n") for 6, 7;
    $db->pg_putcopyend;
    return [\@portions, \@copied, $db->do("DELETE FROM order_tags WHERE tag = 'copied'")];
});
step('cancel', sub {
    my $statement = $db->prepare('SELECT pg_sleep(60)', { pg_async => PG_ASYNC });
    $statement->execute;
    select undef, undef, undef, 0.2;
    my $cancelled = $db->pg_cancel;
    my $state = $cancelled ? '57014' : 'none';
    return { sqlstate => $state, after => 0 + value('SELECT 1') };
});
step('transact', sub {
    my $insert = "INSERT INTO orders (customer_id, amount, region) VALUES (1, 12345, 'eu')";
    my $count = sub { 0 + value('SELECT count(*) FROM orders WHERE amount = 12345') };
    my $remove = sub { $db->do('DELETE FROM orders WHERE amount = 12345') };
    my %told;
    $db->begin_work; $db->do($insert); $db->commit;
    $told{committed} = $count->(); $remove->();
    $db->begin_work; $db->do($insert); $db->rollback;
    $told{rolledBack} = $count->();
    $db->begin_work;
    sqlstate(sub { $db->do('SELECT 1/0') });
    $told{aborted} = sqlstate(sub { $db->do('SELECT 1') });
    $db->rollback;
    $db->begin_work;
    $db->pg_savepoint('a');
    sqlstate(sub { $db->do('INSERT INTO orders (customer_id, amount) VALUES (1, -1)') });
    $db->pg_rollback_to('a');
    $db->do($insert);
    $db->pg_release('a');
    $db->commit;
    $told{savepoint} = $count->(); $remove->();
    return \%told;
});
step('types', sub {
    my $read = rows('SELECT * FROM samples ORDER BY id');
    my $insert = $db->prepare('INSERT INTO samples VALUES (' . join(',', ('?') x @{ $read->[0] }) . ')');
    my $texts = rows('SELECT id + 10, ' . join(',', map { qq("$_"::text) } @{ columns() }[1 .. $#{ columns() }]) . ' FROM samples ORDER BY id');
    $insert->execute(@$_) for @$texts;
    my $written = rows('SELECT * FROM samples WHERE id > 10 ORDER BY id');
    $db->do('DELETE FROM samples WHERE id > 10');
    return [$read, $written];
});
sub columns { my $statement = $db->prepare('SELECT * FROM samples LIMIT 0'); $statement->execute; return $statement->{NAME} }
step('prepared', sub {
    my $statement = $db->prepare('SELECT name, ssn FROM customers WHERE id = ?', { pg_prepare_now => 1 });
    return [map { $statement->execute($_); $statement->fetchrow_arrayref->[0], $statement->fetchall_arrayref } 1, 2, 3, 1];
});
step('write', sub {
    my ($created) = @{ rows("INSERT INTO customers (name, email, ssn) VALUES (?, ?, '***5') RETURNING id, name, mood, joined", 'perl', 'perl@x') };
    my $upsert = "INSERT INTO customers (name, email) VALUES ('perl', 'perl\@x') ON CONFLICT (email) DO UPDATE SET version = customers.version + 1 RETURNING version, ssn";
    my @upserted = (rows($upsert), rows($upsert));
    my $last = $db->last_insert_id(undef, 'public', 'customers', undef);
    my $updated = $db->do('UPDATE customers SET city = ? WHERE id = ?', undef, 'Ulm', $created->[0]);
    my $duplicate = sqlstate(sub { $db->do("INSERT INTO customers (name, email) VALUES ('x', 'perl\@x')") });
    return [$created, \@upserted, $last, $updated, $duplicate, rows('DELETE FROM customers WHERE id = ? RETURNING id, city', $created->[0])];
});
step('refused', sub {
    my %told = (sqlstate => 'none');
    if (!eval { rows('SELECT token FROM secrets'); 1 }) {
        my $message = $db->errstr;
        %told = (sqlstate => $db->state, message => $message =~ /ERROR:\s+(.*)/, hint => ($message =~ /HINT:\s+(.*)/)[0]);
        ($told{message}) = $message =~ /ERROR:\s+(.*)/;
    }
    return { %told, after => 0 + value('SELECT 1') };
});
step('masked', sub {
    my $row = rows('SELECT id, ssn, salary FROM customers WHERE id = ?', 7)->[0];
    return { text => [0 + $row->[0], @$row[1, 2]], binary => undef };
});
$db->disconnect;
