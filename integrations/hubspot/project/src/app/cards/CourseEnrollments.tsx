// The card "Course enrollments" on the pages of contacts: what HubSpot loads.
import { hubspot } from '@hubspot/ui-extensions';

import { Enrollments } from './Enrollments';
import { load } from './rollcall';

hubspot.extend<'crm.record.tab'>(({ context }) => (
  <Enrollments
    record={{ id: String(context.crm.objectId), typeId: context.crm.objectTypeId }}
    locale={context.user.locale}
    load={load}
  />
));
