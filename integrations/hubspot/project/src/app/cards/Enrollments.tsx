// The card's content: loading, nothing to show, an error, or the courses of one person.
import { Alert, Button, EmptyState, ErrorState, Flex, LoadingSpinner, Text } from '@hubspot/ui-extensions';
import { useEffect, useState } from 'react';

import { APP_ID } from './installation';
import { PortalCourses } from './PortalCourses';
import { RecordTable } from './RecordTable';
import type { Answer, CrmRecord, Load, Records } from './rollcall';
import { Summary } from './Summary';

type Seen = { kind: 'loading' } | { kind: 'failed' } | { kind: 'loaded'; answer: Answer };

interface Props {
  record: CrmRecord;
  locale?: string;
  load: Load;
  appId?: string;
}

export const Enrollments = ({ record, locale, load, appId = APP_ID }: Props) => {
  const [seen, setSeen] = useState<Seen>({ kind: 'loading' });
  const [attempt, setAttempt] = useState(1);
  const { id, typeId } = record;

  useEffect(() => {
    // An answer about a record that is no longer shown is dropped.
    let isShown = true;
    setSeen({ kind: 'loading' });
    load({ id, typeId }).then(
      (answer) => isShown && setSeen({ kind: 'loaded', answer }),
      () => isShown && setSeen({ kind: 'failed' }),
    );
    return () => {
      isShown = false;
    };
  }, [id, typeId, load, attempt]);

  if (seen.kind === 'loading') {
    return <LoadingSpinner label="Loading course enrollments" showLabel layout="centered" />;
  }
  if (seen.kind === 'failed') {
    return <Failed appObject={appObject(appId)} onRetry={() => setAttempt(attempt + 1)} />;
  }
  return <Loaded answer={seen.answer} locale={locale} />;
};

// HubSpot puts the app's id before the names of an app object and of its properties.
const appObject = (appId: string): Records | null =>
  appId ? { object_type_id: `a${appId}_course_enrollment`, prefix: `a${appId}_` } : null;

const Failed = ({ appObject, onRetry }: { appObject: Records | null; onRetry: () => void }) =>
  appObject ? (
    <Flex direction="column" gap="small">
      <Alert title="Rollcall does not answer" variant="warning">
        The list shows what HubSpot was told last.
      </Alert>
      <RecordTable records={appObject} />
    </Flex>
  ) : (
    <ErrorState title="Rollcall does not answer">
      <Text>The courses of this person cannot be shown at the moment.</Text>
      <Button onClick={onRetry}>Try again</Button>
    </ErrorState>
  );

const Loaded = ({ answer, locale }: { answer: Answer; locale?: string }) => {
  const enrollments = answer.portals.flatMap((portal) => portal.enrollments);
  if (!answer.linked) {
    return (
      <EmptyState title="Not a learner yet" imageName="contacts" layout="vertical">
        <Text>
          Courses appear here once a workflow has added this person to a portal and the invitation was accepted.
        </Text>
      </EmptyState>
    );
  }
  if (enrollments.length === 0) {
    return (
      <EmptyState title="No courses yet" imageName="task" layout="vertical">
        <Text>{`A learner in ${answer.portals.map((portal) => portal.name).join(', ')}, without any course.`}</Text>
      </EmptyState>
    );
  }
  return (
    <Flex direction="column" gap="medium">
      <Summary enrollments={enrollments} />
      {answer.records ? (
        <RecordTable records={answer.records} />
      ) : (
        answer.portals.map((portal) => <PortalCourses key={portal.id} portal={portal} locale={locale} />)
      )}
    </Flex>
  );
};
