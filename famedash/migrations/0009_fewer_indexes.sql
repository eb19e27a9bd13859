-- Nobody looks rows up by it, and a plan that was made while the table was empty might.
drop index webhook_waiting_of_endpoint;
