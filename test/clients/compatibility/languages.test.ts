import { GO_CLIENTS } from '../go/clients.ts';
import { JAVA_CLIENTS } from '../java/clients.ts';
import { ODBC_CLIENTS } from '../odbc/clients.ts';
import { PERL_CLIENTS } from '../perl/clients.ts';
import { PHP_CLIENTS } from '../php/clients.ts';
import { RUST_CLIENTS } from '../rust/clients.ts';
import { goClients, javaClients, odbcPython, rustClients } from '../toolchains.ts';
import { testClients } from './test-clients.ts';

// Outside of the tests, whose time is short: the first build on a machine takes minutes.
await Promise.all([goClients(), javaClients(), rustClients(), odbcPython()]);

testClients([...GO_CLIENTS, ...JAVA_CLIENTS, ...RUST_CLIENTS, ...PERL_CLIENTS, ...PHP_CLIENTS, ...ODBC_CLIENTS]);
